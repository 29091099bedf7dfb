"""A Valkey client that goes where a cluster sends it.

ElastiCache Serverless speaks the cluster protocol. Its proxy serves every slot at one address, so
that a redirection is rare; a cluster of nodes redirects whatever it gets at the wrong one. The
library's own cluster client asks for the map of the slots and the table of all commands before its
first command, in connections of their own, and sleeps between its retries: a cold start would pay
for what is hardly ever needed, and a lost Valkey would cost more than its time-out. This one is a
plain client until it is redirected, and remembers where it was sent.

Source: https://valkey.io/topics/cluster-spec/ (redirection and resharding)
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

import valkey
from valkey.client import Pipeline
from valkey.crc import key_slot
from valkey.exceptions import ResponseError

from quant.observability import tracing

# In a cluster at rest one is enough; while slots move the first may be out of date.
MAX_REDIRECTIONS: Final = 3

# An empty host is that of the node that answered. In a pipeline the library puts words before it.
_REDIRECTION: Final = re.compile(r"\b(MOVED|ASK) (\d+) (\S*):(\d+)$")
# Commands whose first key is not their first argument: script, number of keys, keys.
_SCRIPTS: Final = frozenset({"EVAL", "EVALSHA"})

type Address = tuple[str, int]


class ClusterClient(valkey.Valkey):
    """A client of a server or of any node of a cluster.

    All keys of a command or a pipeline must be in one slot, as the protocol demands of commands.

    Args:
        host: Where to ask first.
        port: Likewise.
        options: As of ``valkey.Valkey``; nodes get the same.
    """

    def __init__(self, *, host: str, port: int, **options: Any) -> None:
        super().__init__(host=host, port=port, **options)
        self._options = options
        self._home: Address = (host, port)
        self._nodes = {self._home: valkey.Valkey(connection_pool=self.connection_pool)}
        self._places: dict[int, Address] = {}

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Run one command, on the node that has its keys."""

        def run(node: Any, *, asking: bool) -> Any:
            if asking:
                return _run_pipeline(node, [(args, options)], asking=True)[0]
            return node.execute_command(*args, **options)

        with tracing.remote("valkey", metadata={"command": args[0]}):
            return self._follow(args, run)

    def pipeline(self, transaction: bool = False, shard_hint: Any = None) -> "ClusterPipeline":  # noqa: ARG002 - of the base class
        """Return a pipeline whose commands share a slot; it is no transaction."""
        return ClusterPipeline(self)

    def run_pipeline(self, commands: Sequence[Any]) -> list[Any]:
        """Run commands in one round trip, on the node that has their keys."""

        def run(node: Any, *, asking: bool) -> list[Any]:
            return _run_pipeline(node, commands, asking=asking)

        if not commands:
            return []
        names = [args[0] for args, _ in commands]
        with tracing.remote("valkey", metadata={"commands": names}):
            answers: list[Any] = self._follow(commands[0][0], run)
        return answers

    def close(self) -> None:
        """Close the connections to all nodes."""
        for node in self._nodes.values():
            node.connection_pool.disconnect()
        super().close()  # type: ignore[no-untyped-call]

    def _follow(self, args: Sequence[Any], run: Callable[..., Any]) -> Any:
        # The slot is worth computing only where some slots are known to be elsewhere.
        address = self._places.get(_slot(args), self._home) if self._places else self._home
        asking = False
        for _ in range(MAX_REDIRECTIONS):
            try:
                return run(self._node(address), asking=asking)
            except ResponseError as error:
                redirection = _REDIRECTION.search(str(error))
                if redirection is None:
                    raise
                kind, slot, host, port = redirection.groups()
                address = (host or address[0], int(port))
                asking = kind == "ASK"
                if not asking:
                    self._places[int(slot)] = address
            except (valkey.ConnectionError, valkey.TimeoutError):
                # The cluster may have moved the slots of a node that is gone.
                self._places.clear()
                raise
        return run(self._node(address), asking=asking)

    def _node(self, address: Address) -> valkey.Valkey:
        node = self._nodes.get(address)
        if node is None:
            host, port = address
            made = valkey.Valkey(host=host, port=port, **self._options)
            node = self._nodes.setdefault(address, made)
        return node


class ClusterPipeline(Pipeline):
    """Commands that are sent together to the node that has their keys."""

    def __init__(self, client: ClusterClient) -> None:
        super().__init__(  # type: ignore[no-untyped-call]
            client.connection_pool, client.response_callbacks, False, None
        )
        self._client = client

    def execute(self, raise_on_error: bool = True) -> list[Any]:  # noqa: ARG002 - of the base class
        """Run the commands and return their answers.

        Raises:
            valkey.exceptions.ResponseError: One of them was refused.
        """
        commands, self.command_stack = self.command_stack, []
        return self._client.run_pipeline(commands)


def _run_pipeline(node: Any, commands: Sequence[Any], *, asking: bool) -> list[Any]:
    pipeline = node.pipeline(transaction=False)
    for args, options in commands:
        if asking:
            pipeline.execute_command("ASKING")
        pipeline.execute_command(*args, **options)
    answers: list[Any] = pipeline.execute()
    return answers[1::2] if asking else answers


def _slot(args: Sequence[Any]) -> int:
    """Return the slot of a command's first key, -1 if it has none."""
    position = 3 if args[0] in _SCRIPTS else 1
    if len(args) <= position:
        return -1
    key = args[position]
    return key_slot(key if isinstance(key, bytes) else str(key).encode())
