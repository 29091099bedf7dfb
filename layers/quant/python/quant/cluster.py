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
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import valkey
from valkey.client import Pipeline
from valkey.connection import ConnectionPool
from valkey.crc import key_slot
from valkey.exceptions import ResponseError

from quant.observability import tracing

# In a cluster at rest one is enough; while slots move the first may be out of date.
MAX_REDIRECTIONS: Final = 3

# An empty host is that of the node that answered.
_REDIRECTION: Final = re.compile(r"(MOVED|ASK) (\d+) (\S*):(\d+)")
# Commands whose first key is not their first argument: script, number of keys, keys.
_SCRIPTS: Final = frozenset({"EVAL", "EVALSHA"})
_LOST: Final = (valkey.ConnectionError, valkey.TimeoutError)

type Address = tuple[str, int]
# What to send, and options of the library for the answer.
type Command = tuple[Sequence[Any], Mapping[str, Any]]


class ClusterClient(valkey.Valkey):
    """A client of a server or of any node of a cluster.

    All keys of a command must be in one slot, as the protocol demands. Those of a pipeline may be
    anywhere: each command follows its own redirections, and every node is sent what is for it
    before any is waited for.

    Args:
        host: Where to ask first.
        port: Likewise.
        options: As of ``valkey.Valkey``; nodes get the same.
    """

    def __init__(self, *, host: str, port: int, **options: Any) -> None:
        super().__init__(host=host, port=port, **options)
        self._options = options
        self._home: Address = (host, port)
        self._nodes: dict[Address, _Node] = {self._home: _Node(self.connection_pool)}
        self._places: dict[int, Address] = {}

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Run one command, on the node that has its keys."""
        # Named for the library's own cache, which is not in use.
        options.pop("keys", None)
        with tracing.remote("valkey", metadata={"command": args[0]}):
            [answer] = self._run([(args, options)])
            if isinstance(answer, ResponseError):
                raise answer
        return answer

    def pipeline(self, transaction: bool = False, shard_hint: Any = None) -> "ClusterPipeline":  # noqa: ARG002 - of the base class
        """Return a pipeline; it is no transaction."""
        return ClusterPipeline(self)

    def run_pipeline(
        self, commands: Sequence[Command], *, raise_on_error: bool = True
    ) -> list[Any]:
        """Run commands in one round trip, to each node that has their keys.

        Args:
            commands: What to run.
            raise_on_error: Whether the first error is raised; else errors are among the answers.

        Raises:
            valkey.exceptions.ValkeyError: A command failed, or no node could be reached.
        """
        if not commands:
            return []
        names = [args[0] for args, _ in commands]
        with tracing.remote("valkey", metadata={"commands": names}):
            answers = self._run(commands)
            if raise_on_error:
                for answer in answers:
                    if isinstance(answer, valkey.ValkeyError):
                        raise answer
        return answers

    def post(self, *commands: Sequence[Any]) -> None:
        """Send commands and leave it to the next one to read what they return.

        One that fails or is redirected is lost, and nobody is told; but what comes after a
        redirection goes where that sent it.

        Args:
            commands: What to run.

        Raises:
            valkey.exceptions.ConnectionError: They could not be sent.
            valkey.exceptions.TimeoutError: They could not be sent in time.
        """
        with tracing.remote("valkey", metadata={"commands": [args[0] for args in commands]}):
            calls = [_Call(args, {}, self._address(args)) for args in commands]
            for exchange in self._exchanges(calls):
                exchange.post()

    def close(self) -> None:
        """Close the connections to all nodes."""
        for node in self._nodes.values():
            node.close()

    def _run(self, commands: Sequence[Command]) -> list[Any]:
        """Return what commands return, or the errors they fail with.

        Raises:
            valkey.exceptions.ConnectionError: All of them, for want of a connection.
            valkey.exceptions.TimeoutError: All of them, for want of an answer.
        """
        calls = [_Call(args, options, self._address(args)) for args, options in commands]
        waiting = calls
        for _ in range(MAX_REDIRECTIONS + 1):
            self._ask(waiting)
            waiting = [call for call in waiting if self._is_redirected(call)]
            if not waiting:
                break
        lost = [call.answer for call in calls if isinstance(call.answer, _LOST)]
        if lost:
            # The cluster may have moved the slots of a node that is gone.
            self._places.clear()
        if len(lost) == len(calls):
            raise lost[0]
        return [call.answer for call in calls]

    def _address(self, args: Sequence[Any]) -> Address:
        # The slot is worth computing only where some slots are known to be elsewhere.
        return self._places.get(_slot(args), self._home) if self._places else self._home

    def _ask(self, calls: Sequence["_Call"]) -> None:
        """Have each call answered by the node it is addressed to."""
        exchanges = self._exchanges(calls)
        try:
            for exchange in exchanges:
                exchange.send()
            for exchange in exchanges:
                exchange.receive()
        finally:
            for exchange in exchanges:
                exchange.close()
                for call in exchange.posted:
                    self._is_redirected(call)

    def _exchanges(self, calls: Sequence["_Call"]) -> list["_Exchange"]:
        groups: dict[Address, list[_Call]] = {}
        for call in calls:
            groups.setdefault(call.address, []).append(call)
        return [_Exchange(self, self._node(address), group) for address, group in groups.items()]

    def _is_redirected(self, call: "_Call") -> bool:
        """Say whether a call was sent elsewhere; if so, it is addressed there now."""
        redirection = isinstance(call.answer, ResponseError) and _REDIRECTION.match(
            str(call.answer)
        )
        if not redirection:
            return False
        kind, slot, host, port = redirection.groups()
        call.address = (host or call.address[0], int(port))
        call.asking = kind == "ASK"
        if not call.asking:
            self._places[int(slot)] = call.address
        return True

    def _node(self, address: Address) -> "_Node":
        node = self._nodes.get(address)
        if node is None:
            host, port = address
            client = valkey.Valkey(host=host, port=port, **self._options)
            node = self._nodes.setdefault(address, _Node(client.connection_pool))
        return node


class ClusterPipeline(Pipeline):
    """Commands that are sent together."""

    def __init__(self, client: ClusterClient) -> None:
        super().__init__(  # type: ignore[no-untyped-call]
            client.connection_pool, client.response_callbacks, False, None
        )
        self._client = client

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        """Run the commands and return their answers; as of ``ClusterClient.run_pipeline``."""
        commands, self.command_stack = self.command_stack, []
        return self._client.run_pipeline(commands, raise_on_error=raise_on_error)


class _Call:
    """A command, where it goes, and what came of it.

    Attributes:
        asking: Whether the node has to be asked for a slot that is on its way to it.
        answer: What the command returned, or the error it failed with.
    """

    __slots__ = ("address", "answer", "args", "asking", "options")

    def __init__(self, args: Sequence[Any], options: Mapping[str, Any], address: Address) -> None:
        self.args = args
        self.options = options
        self.address = address
        self.asking = False
        self.answer: Any = None


class _Node:
    """The connections to a node, and which of them have answers to what was posted before."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._unread: list[tuple[Any, Sequence[_Call]]] = []

    def take(self) -> tuple[Any, Sequence[_Call]]:
        """Return a connection, and the calls whose answers are to be read from it first."""
        with suppress(IndexError):
            return self._unread.pop()
        return self._pool.get_connection(""), ()

    def give_back(self, connection: Any, unread: Sequence[_Call] = ()) -> None:
        """Give a connection back, and the calls whose answers are still to be read from it."""
        if unread:
            # The pool would take it for a connection that has broken.
            self._unread.append((connection, unread))
        else:
            self._pool.release(connection)

    def close(self) -> None:
        """Close all connections."""
        while self._unread:
            self._pool.release(self._unread.pop()[0])
        self._pool.disconnect()


class _Exchange:
    """Calls to one node over one of its connections.

    Attributes:
        posted: Calls of exchanges before, of which this one reads the answers.
    """

    def __init__(self, client: Any, node: _Node, calls: Sequence[_Call]) -> None:
        self.posted: Sequence[_Call] = ()
        self._client = client
        self._node = node
        self._calls = calls
        self._connection: Any = None
        self._is_sent = False

    def send(self) -> None:
        """Send the calls; those that cannot be sent are answered by the error."""
        try:
            self._connection, self.posted = self._node.take()
        except _LOST as error:
            self._fail(error)
            return
        # A connection that has just broken is tried again when the answers are due.
        try:
            self._write()
        except _LOST as error:
            self._again(error)

    def receive(self) -> None:
        """Have the calls answered."""
        if self._connection is None:
            return

        def attempt() -> None:
            if not self._is_sent:
                self._write()
            self._read()

        try:
            self._connection.retry.call_with_retry(attempt, self._again)
        except _LOST as error:
            self._fail(error)
        # Nothing of it is left to be read.
        self._is_sent = False

    def post(self) -> None:
        """Send the calls, whose answers another exchange will read.

        Raises:
            valkey.exceptions.ConnectionError: They could not be sent.
            valkey.exceptions.TimeoutError: They could not be sent in time.
        """
        self._connection, self.posted = self._node.take()
        try:
            self._connection.retry.call_with_retry(self._write, self._again)
        finally:
            unread = (*self.posted, *self._calls) if self._is_sent else ()
            self._node.give_back(self._connection, unread)

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            if self._is_sent:
                self._connection.disconnect()
            self._node.give_back(self._connection)

    def _again(self, _error: Exception) -> None:
        self._is_sent = False
        self.posted = ()
        self._connection.disconnect()

    def _write(self) -> None:
        commands: list[Sequence[Any]] = []
        for call in self._calls:
            if call.asking:
                commands.append(("ASKING",))
            commands.append(call.args)
        # In one piece: each is a packet of its own, and a long value makes three of them.
        packed = b"".join(self._connection.pack_commands(commands))
        self._connection.send_packed_command([packed])
        self._is_sent = True

    def _read(self) -> None:
        for call in (*self.posted, *self._calls):
            try:
                if call.asking:
                    self._connection.read_response()
                call.answer = self._client.parse_response(
                    self._connection, call.args[0], **call.options
                )
            except ResponseError as error:
                call.answer = error

    def _fail(self, error: Exception) -> None:
        for call in self._calls:
            call.answer = error


def _slot(args: Sequence[Any]) -> int:
    """Return the slot of a command's first key, -1 if it has none."""
    position = 3 if args[0] in _SCRIPTS else 1
    if len(args) <= position:
        return -1
    key = args[position]
    return key_slot(key if isinstance(key, bytes) else str(key).encode())
