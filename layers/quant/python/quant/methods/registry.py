"""Every declared method, by its identifier."""

import importlib
import pkgutil
from functools import cache
from types import MappingProxyType

from quant import methods
from quant.methods import Method

_NO_AREAS = {__name__.rpartition(".")[2], "sources"}


@cache
def all_methods() -> MappingProxyType[str, Method]:
    """Return the methods of all areas by identifier, in alphabetical order.

    A module of ``quant.methods`` is an area, except this one and that of the shared sources; what
    it declares belongs to it.

    Raises:
        ValueError: A method is declared outside of its area, or twice.
    """
    found: dict[str, Method] = {}
    for module in pkgutil.iter_modules(methods.__path__):
        if module.name in _NO_AREAS:
            continue
        area = importlib.import_module(f"{methods.__name__}.{module.name}")
        for method in {id(value): value for value in vars(area).values()}.values():
            if not isinstance(method, Method):
                continue
            if method.area != module.name or method.id in found:
                msg = f"the method {method.id} is declared in the area {module.name}"
                raise ValueError(msg)
            found[method.id] = method
    return MappingProxyType(dict(sorted(found.items())))
