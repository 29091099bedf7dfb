"""What collectors remember between runs: small JSON objects below ``state/`` of the raw bucket.

Losing them costs requests, never data: a collector without memory fetches everything again, and
what it stores a second time changes nothing.
"""

from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from quant.collectors.bucket import Bucket
from quant.errors import NotFoundError
from quant.settings import RawSettings

PREFIX: Final = "state/"


class State(BaseModel):
    """Base of what is remembered; every field has a default."""

    model_config = ConfigDict(frozen=True)


class Symbols(State):
    """The symbols whose prices are wanted (``state/symbols.json``, written from the database)."""

    symbols: tuple[str, ...] = ()


SYMBOLS: Final = "symbols"


class StateStore:
    """Loads and saves states by name.

    Args:
        bucket: The bucket of raw documents.
    """

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    @classmethod
    def from_environment(cls) -> "StateStore":
        """Return the store in the bucket that ``QUANT_RAW_BUCKET`` names."""
        return cls(Bucket(RawSettings().bucket))

    def load[S: State](self, name: str, model: type[S]) -> S:
        """Return the state of that name; its defaults where there is none, or an unreadable one."""
        try:
            content, _ = self._bucket.read(f"{PREFIX}{name}.json")
            return model.model_validate_json(content)
        except (NotFoundError, ValidationError):
            return model()

    def save(self, name: str, state: State) -> None:
        """Keep a state."""
        self._bucket.write(f"{PREFIX}{name}.json", state.model_dump_json().encode())
