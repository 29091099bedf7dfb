"""How connections of pg8000 are opened, and what its errors mean."""

import socket
import ssl
from typing import Any, Final

from quant.settings import DatabaseSettings

# SQLSTATE classes that say the server, not the statement, is at fault: connection exception,
# insufficient resources, operator intervention (PostgreSQL manual, appendix A).
_UNAVAILABLE_CLASSES: Final = ("08", "53", "57")


def connect_options(settings: DatabaseSettings) -> dict[str, Any]:
    """Return how to connect, without address and credentials."""
    options: dict[str, Any] = {
        "timeout": settings.connect_timeout_s,
        "application_name": "quant",
        "tcp_keepalive": True,
    }
    if settings.tls:
        options["ssl_context"] = ssl.create_default_context()
    return options


def send_at_once(connection: Any) -> None:
    """Have a connection send what it has to without waiting for what came before to arrive.

    pg8000 sends a message of more than 8 kB in two pieces, of which the second would wait for the
    other end to acknowledge the first (Nagle's algorithm, RFC 9293, section 3.7.4): 40 ms.

    Args:
        connection: An open one of pg8000.
    """
    connection._usock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def login(settings: DatabaseSettings) -> dict[str, str]:
    """Return user and password that are good now."""
    credentials = settings.credentials()
    return {
        "user": credentials.username,
        "password": credentials.password.get_secret_value(),
    }


def sqlstate(error: BaseException | None) -> str:
    """Return the SQLSTATE of the server's answer; empty where there was none."""
    arguments = getattr(error, "args", ())
    if arguments and isinstance(arguments[0], dict):
        return str(arguments[0].get("C", ""))
    return ""


def is_unavailable(error: BaseException | None) -> bool:
    """Say whether an error means that Postgres is away rather than that a statement is wrong."""
    if isinstance(error, OSError):
        return True
    state = sqlstate(error)
    if state:
        return state.startswith(_UNAVAILABLE_CLASSES)
    # Anything pg8000 raises without an answer of the server is a failed connection.
    return type(error).__name__ == "InterfaceError"
