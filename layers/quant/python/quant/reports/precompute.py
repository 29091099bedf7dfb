"""The batch: bring every kind of document that is computed ahead up to date."""

import logging
from collections.abc import Iterable
from functools import partial
from typing import Final

from quant.db.keyset import data_version
from quant.db.session import read, write
from quant.errors import StoreUnavailableError
from quant.reports.store import Precomputation, is_current, replace

logger: Final = logging.getLogger(__name__)


def precomputations() -> tuple[Precomputation, ...]:
    """Return every kind of document that is computed ahead."""
    # Imported here: a route that serves one kind must not pay for the others' modules.
    from quant.reports import performance, relations  # noqa: PLC0415

    return (*performance.PRECOMPUTATIONS, *relations.PRECOMPUTATIONS)


def run(kinds: Iterable[Precomputation] | None = None) -> dict[str, str]:
    """Compute what is not of the present data version, and store it.

    Kinds are independent: one that fails leaves its older documents, and the others go on.

    Args:
        kinds: Which kinds; None for all.

    Returns:
        ``current`` or ``computed`` by kind.

    Raises:
        ExceptionGroup: Kinds failed; the others were computed nevertheless.
        StoreUnavailableError: Postgres cannot be reached.
    """
    done: dict[str, str] = {}
    failures: list[Exception] = []
    for kind in precomputations() if kinds is None else kinds:
        try:
            done[kind.kind] = _bring_up_to_date(kind)
        except StoreUnavailableError:
            raise
        except Exception as error:
            logger.exception("precomputation of %s failed", kind.kind)
            failures.append(error)
    if failures:
        msg = "precomputations failed"
        raise ExceptionGroup(msg, failures)
    return done


def _bring_up_to_date(kind: Precomputation) -> str:
    if read(partial(is_current, precomputation=kind)):
        return "current"
    # Before the data are read: a change in between makes the documents out of date.
    version = read(data_version)
    documents = read(kind.compute)
    write(partial(replace, precomputation=kind, documents=documents, version=version))
    logger.info("precomputed %d documents of %s", len(documents), kind.kind)
    return "computed"
