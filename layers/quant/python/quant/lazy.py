"""Modules that a function imports on first use, because many of its requests need none of them.

An answer that the cache has takes neither SQLAlchemy nor NumPy, which cost more to import than all
the rest of a function. Whoever needs one says ``from quant import trades`` and ``trades.get(...)``;
``from quant.trades import get`` would load it at once. SnapStart loads them before it takes the
snapshot (``quant.snapstart``), so that only a start without one meets their cost, once.

The library's ``importlib.util.LazyLoader`` loads a module as soon as a second one imports it,
since the import system then reads ``__spec__``; this one waits for what is not there yet. It is not
for threads, of which a function that serves one request at a time has none here.
"""

import importlib
import importlib.machinery
import sys
from collections.abc import Iterable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

from quant.snapstart import before_snapshot

if TYPE_CHECKING:
    # It imports archives and more; these classes need none of what it has.
    from importlib.abc import Loader, MetaPathFinder
else:
    Loader = MetaPathFinder = object

_waiting: dict[str, "_LazyModule"] = {}


class _LazyModule(ModuleType):
    def __getattr__(self, name: str) -> Any:
        # ``from package import module`` asks the package first; that loads no package that waits.
        submodule = f"{self.__name__}.{name}"
        folders = self.__dict__.get("__path__")
        if folders and importlib.machinery.PathFinder.find_spec(submodule, folders):
            return importlib.import_module(submodule)
        _load(self)
        return getattr(self, name)


class _Loader(Loader):
    """Puts off what another loader does."""

    def __init__(self, loader: Loader) -> None:
        self.loader = loader

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__class__ = _LazyModule
        assert isinstance(module, _LazyModule)  # noqa: S101 - narrows the type
        _waiting[module.__name__] = module


class _Finder(MetaPathFinder):
    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in self._names:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


def defer(names: Iterable[str]) -> None:
    """Have modules of these names wait until something of theirs is asked for.

    Args:
        names: Full names; of modules that are imported already nothing changes.
    """
    sys.meta_path.insert(0, _Finder(names))
    before_snapshot(load_all)


def load_all() -> None:
    """Load every module that was imported and still waits."""
    while _waiting:
        _load(next(iter(_waiting.values())))


def waiting() -> frozenset[str]:
    """Return the names of the modules that were imported and still wait."""
    return frozenset(_waiting)


def _load(module: ModuleType) -> None:
    del _waiting[module.__name__]
    spec = module.__spec__
    assert spec is not None  # noqa: S101 - narrows the type
    assert isinstance(spec.loader, _Loader)  # noqa: S101 - likewise
    put_off = spec.loader
    spec.loader = module.__loader__ = put_off.loader
    module.__class__ = ModuleType
    try:
        put_off.loader.exec_module(module)
    except BaseException:
        # Whoever asks next meets the same error, not a module of which half is missing.
        spec.loader = put_off
        put_off.exec_module(module)
        raise
