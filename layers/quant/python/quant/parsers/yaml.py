"""YAML from outside: plain scalars, lists and mappings, built event by event.

PyYAML's own loaders recurse, keep a node for every scalar, and unfold merge keys of aliases
without bound. Documents of congress-legislators need neither aliases nor tags, so both are refused.
"""

from functools import lru_cache
from typing import Any, Final

import yaml
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

from quant.parsers.model import DocumentError, Unreadable

MAX_BYTES: Final = 64 << 20
MAX_EVENTS: Final = 4_000_000  # the largest real file, of all former members, has under a million
MAX_DEPTH: Final = 32

# The pure Python parser takes half a minute for congress-legislators.
_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_RESOLVER: Final[Any] = Resolver()
_CONSTRUCTOR: Final = SafeConstructor()


def load_yaml(content: bytes) -> Any:
    """Return the one document of a YAML file.

    Raises:
        DocumentError: It is not YAML, too large or too deep, or has aliases, tags, merge keys or
            keys that are no scalars.
    """
    if len(content) > MAX_BYTES:
        raise DocumentError(Unreadable.TOO_LARGE, f"YAML of {len(content)} bytes")
    try:
        return _build(yaml.parse(content, Loader=_LOADER))
    # A scalar that looks like a date or a number may be none: 2020-02-31.
    except (yaml.YAMLError, ValueError) as error:
        raise DocumentError(Unreadable.NOT_THIS_FORMAT, f"YAML: {error}") from error


def _build(events: Any) -> Any:
    document: list[Any] = []
    # Collections not yet closed, each with the key its next value belongs to, if it is a mapping.
    open_: list[tuple[Any, list[Any]]] = [(document, [])]
    for count, event in enumerate(events):
        if count > MAX_EVENTS or len(open_) > MAX_DEPTH:
            raise DocumentError(Unreadable.TOO_LARGE, "YAML: too many or too deeply nested nodes")
        match event:
            case yaml.AliasEvent():
                raise DocumentError(Unreadable.FORBIDDEN_CONTENT, "YAML: an alias")
            case yaml.ScalarEvent():
                _refuse_tag(event)
                _add(open_[-1], _scalar(event.value, tuple(event.implicit)), is_scalar=True)
            case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                _refuse_tag(event)
                made: Any = [] if isinstance(event, yaml.SequenceStartEvent) else {}
                _add(open_[-1], made, is_scalar=False)
                open_.append((made, []))
            case yaml.CollectionEndEvent():
                open_.pop()
            case _:
                pass  # start and end of stream and document
    if len(document) != 1:
        raise DocumentError(Unreadable.NOT_THIS_FORMAT, f"{len(document)} YAML documents")
    return document[0]


def _add(parent: tuple[Any, list[Any]], value: Any, *, is_scalar: bool) -> None:
    collection, key = parent
    if isinstance(collection, list):
        collection.append(value)
    elif key:
        collection[key.pop()] = value
    elif is_scalar:
        key.append(value)
    else:
        raise DocumentError(Unreadable.FORBIDDEN_CONTENT, "YAML: a key that is no scalar")


def _refuse_tag(event: Any) -> None:
    if event.tag is not None or event.anchor is not None:
        raise DocumentError(Unreadable.FORBIDDEN_CONTENT, "YAML: a tag or an anchor")


@lru_cache(maxsize=4096)
def _scalar(value: str, implicit: tuple[bool, bool]) -> Any:
    tag = _RESOLVER.resolve(yaml.ScalarNode, value, implicit)
    construct = SafeConstructor.yaml_constructors.get(tag)
    if construct is None:  # a merge key, or the equals sign that stands for a default value
        raise DocumentError(Unreadable.FORBIDDEN_CONTENT, f"YAML: {value!r} is not plain")
    return construct(_CONSTRUCTOR, yaml.ScalarNode(tag, value))
