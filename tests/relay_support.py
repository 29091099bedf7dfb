"""A server behind a relay that counts round trips."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_CLIENT, _SERVER = "client", "server"


class Relay:
    """Hands on what clients and a server send each other, and counts how often the turn changes.

    A round trip begins when a client sends something after the server has, or before anybody has;
    so it is one however many packets or commands it is made of.

    Args:
        port: Port of the server on this machine.

    Attributes:
        port: Port of the relay.
        round_trips: Round trips of all clients so far.
        connections: Connections of all clients so far.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self.port: int = self._listener.getsockname()[1]
        self.round_trips = 0
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """Break all connections; new ones are accepted."""
        while self._sockets:
            connection = self._sockets.pop()
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                self._sockets += [client, server]
                self.connections += 1
                turn = [_SERVER]
                for source, sink, name in ((client, server, _CLIENT), (server, client, _SERVER)):
                    sink.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    pump = threading.Thread(
                        target=self._pump, args=(source, sink, name, turn), daemon=True
                    )
                    pump.start()

    def _pump(self, source: socket.socket, sink: socket.socket, name: str, turn: list[str]) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                with self._lock:
                    self.round_trips += name == _CLIENT and turn[0] == _SERVER
                    turn[0] = name
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)


@contextmanager
def relay(port: int) -> Iterator[Relay]:
    """A relay in front of a server on this machine."""
    made = Relay(port)
    try:
        yield made
    finally:
        made.close()
