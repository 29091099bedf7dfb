"""Members, committees and seats: the YAML files of congress-legislators (public domain).

Source: https://github.com/unitedstates/congress-legislators, which publishes them at
https://unitedstates.github.io/congress-legislators/.
"""

from dataclasses import dataclass
from functools import partial
from typing import Final

from pydantic import Field

from quant.collectors.errors import layout_changed
from quant.collectors.recognise import require_yaml
from quant.collectors.refresh import Known, refresh
from quant.collectors.run import Run
from quant.collectors.state import State
from quant.pipeline.raw import DocumentKind

_MAX_BYTES: Final = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    kind: DocumentKind
    key: str  # one that every such file has


_FILES: Final = (
    _File("legislators-current.yaml", DocumentKind.LEGISLATORS, "bioguide"),
    _File("legislators-historical.yaml", DocumentKind.LEGISLATORS_HISTORICAL, "bioguide"),
    _File("committees-current.yaml", DocumentKind.COMMITTEES, "thomas_id"),
    _File("committee-membership-current.yaml", DocumentKind.COMMITTEE_MEMBERSHIP, "bioguide"),
)


class LegislatorsState(State):
    """What is known of each file."""

    files: dict[str, Known] = Field(default_factory=dict)


def collect_legislators(run: Run) -> None:
    """Fetch the files that changed.

    Raises:
        CollectionError: A file is not there, or something else is.
    """
    for file in _FILES:
        state = run.states.load("legislators", LegislatorsState)
        known = refresh(
            run,
            file.name,
            state.files.get(file.name, Known()),
            kind=file.kind,
            max_bytes=_MAX_BYTES,
            require=partial(require_yaml, key=file.key, what=file.name),
        )
        if known is None:
            raise layout_changed(f"{file.name}: not there")
        run.states.save("legislators", LegislatorsState(files={**state.files, file.name: known}))
