"""pg8000's connection, with one round trip for a statement where pg8000 makes three.

It sends Parse, Describe and Bind each with a Sync, and waits for the answer to each. The protocol
asks for one Sync (PostgreSQL manual, "Message Flow", "Extended Query"). Outside a transaction each
Sync also ends one: a pooler that gives out connections by transaction may then run Bind where Parse
never was, or where it was another client's (https://github.com/pgbouncer/pgbouncer/issues/1288).
"""

from collections.abc import Sequence
from typing import Any, Final

from pg8000 import legacy
from pg8000.converters import make_params

from quant.db import driver

_UNNAMED: Final = b"\x00"


class Connection(legacy.Connection):  # type: ignore[misc]  # pg8000 has no types
    """What SQLAlchemy's dialect for pg8000 takes for pg8000's own."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        driver.send_at_once(self)

    def execute_unnamed(
        self,
        statement: str,
        vals: Sequence[object] = (),
        oids: Sequence[int] = (),
        stream: Any = None,
    ) -> Any:
        """Run a statement that has parameters, or copies from or to ``stream``."""
        if stream is not None:
            return super().execute_unnamed(statement, vals, oids, stream)
        # Before anything is sent: a value without a form in SQL is no half of a message.
        parameters = make_params(self.py_types, vals)
        self.send_PARSE(_UNNAMED, statement, oids)
        self.send_DESCRIBE_STATEMENT(_UNNAMED)
        return self.execute_named(_UNNAMED, parameters, None, None, statement)
