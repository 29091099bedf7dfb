"""YAML from outside: plain scalars, lists and mappings, built event by event.

PyYAML's own loaders recurse, keep a node for every scalar, and unfold merge keys of aliases
without bound. Here an alias counts as much as what it stands for, and tags and merge keys, which
congress-legislators does not need, are refused.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import yaml
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

from quant.parsers.model import DocumentError, Unreadable

MAX_BYTES: Final = 64 << 20
MAX_NODES: Final = 4_000_000  # the largest real file, of all former members, has under a million
MAX_DEPTH: Final = 32

# The pure Python parser takes half a minute for congress-legislators.
_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_RESOLVER: Final[Any] = Resolver()
_CONSTRUCTOR: Final = SafeConstructor()


def load_yaml(content: bytes) -> Any:
    """Return the one document of a YAML file.

    Raises:
        DocumentError: It is not YAML, too large or too deep, or has tags, merge keys or keys that
            are no scalars.
    """
    if len(content) > MAX_BYTES:
        raise DocumentError(Unreadable.TOO_LARGE, f"YAML of {len(content)} bytes")
    try:
        return _build(yaml.parse(content, Loader=_LOADER))
    # A scalar that looks like a date or a number may be none: 2020-02-31.
    except (yaml.YAMLError, ValueError) as error:
        raise DocumentError(Unreadable.NOT_THIS_FORMAT, f"YAML: {error}") from error


@dataclass(slots=True)
class _Open:
    """A collection that is not closed yet; ``key`` is the one its next value belongs to."""

    value: Any
    anchor: str | None = None
    nodes_before: int = 0
    key: list[Any] = field(default_factory=list)

    def add(self, value: Any) -> None:
        if isinstance(self.value, list):
            self.value.append(value)
        elif self.key:
            self.value[self.key.pop()] = value
        elif isinstance(value, list | dict):
            raise DocumentError(Unreadable.FORBIDDEN_CONTENT, "YAML: a key that is no scalar")
        else:
            self.key.append(value)


def _build(events: Any) -> Any:
    stream = _Open([])
    open_ = [stream]
    anchors: dict[str, tuple[Any, int]] = {}  # with the number of nodes each stands for
    nodes = 0
    for event in events:
        if isinstance(event, yaml.AliasEvent):
            # What is still open is not among the anchors, so nothing can contain itself.
            value, size = anchors.get(event.anchor or "", (None, 0))
            if size == 0:
                raise DocumentError(Unreadable.NOT_THIS_FORMAT, "YAML: an alias of nothing")
            nodes += size
            open_[-1].add(value)
        elif isinstance(event, yaml.CollectionEndEvent):
            closed = open_.pop()
            if closed.anchor is not None:
                anchors[closed.anchor] = closed.value, nodes - closed.nodes_before
        elif isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
            if event.tag is not None:
                raise DocumentError(Unreadable.FORBIDDEN_CONTENT, f"YAML: a tag, {event.tag}")
            nodes += 1
            if isinstance(event, yaml.ScalarEvent):
                value = _scalar(event.value, tuple(event.implicit))
                if event.anchor is not None:
                    anchors[event.anchor] = value, 1
                open_[-1].add(value)
            else:
                value = [] if isinstance(event, yaml.SequenceStartEvent) else {}
                open_[-1].add(value)
                open_.append(_Open(value, event.anchor, nodes - 1))
        if nodes > MAX_NODES or len(open_) > MAX_DEPTH:
            raise DocumentError(Unreadable.TOO_LARGE, "YAML: too many or too deeply nested nodes")
    if len(stream.value) != 1:
        detail = f"{len(stream.value)} YAML documents"
        raise DocumentError(Unreadable.NOT_THIS_FORMAT, detail)
    return stream.value[0]


@lru_cache(maxsize=4096)
def _scalar(value: str, implicit: tuple[bool, bool]) -> Any:
    tag = _RESOLVER.resolve(yaml.ScalarNode, value, implicit)
    construct = SafeConstructor.yaml_constructors.get(tag)
    if construct is None:  # a merge key, or the equals sign that stands for a default value
        raise DocumentError(Unreadable.FORBIDDEN_CONTENT, f"YAML: {value!r} is not plain")
    return construct(_CONSTRUCTOR, yaml.ScalarNode(tag, value))
