"""What the daemon does for machine learning, which ``run`` asks of it in the file ``ml.json``.

The file is there once the bucket holds what was kept of it, and until its content is kept again:
with it the bucket is to be believed, without it the folder is.
"""

import logging
from dataclasses import asdict, dataclass
from typing import Self

from supervisor.database import TRACKING_DATABASE, TRACKING_ROLE
from supervisor.deploy import Endpoints
from supervisor.environments import tracking_environment
from supervisor.kept_bucket import KeptBucket
from supervisor.localstack_server import MARKER
from supervisor.servers import PostgresServer
from supervisor.state import Ports, State, read_json, write_json
from supervisor.tracking_server import TrackingServer

# `stop` waits for a minute.
_KEEP_TIMEOUT = 10

_logger = logging.getLogger("supervisor")


@dataclass(frozen=True)
class MlTask:
    """What is asked of the daemon.

    Attributes:
        bucket: name of the bucket whose objects it keeps when it ends.
        database: identity of the database that the objects belong to.
        tracking: whether it runs a tracking server.
    """

    bucket: str
    database: str
    tracking: bool

    @classmethod
    def of(cls, state: State) -> Self | None:
        """Return what is asked, None for nothing."""
        content = read_json(state.ml_file)
        return cls(**content) if content else None

    def ask(self, state: State) -> None:
        """Ask for it."""
        write_json(state.ml_file, asdict(self))


def keep(state: State, task: MlTask, ports: Ports) -> None:
    """Keep the objects of the bucket."""
    client = Endpoints(ports).client("s3", read_timeout=_KEEP_TIMEOUT)
    count = KeptBucket(state.ml, task.database).save(client, task.bucket)
    _logger.info("kept %d objects of %s", count, task.bucket)


def tracking_server(state: State, ports: Ports, task: MlTask) -> TrackingServer:
    """Return the tracking server of a local cloud, not started."""
    postgres = PostgresServer(state.postgres, "", port=ports.postgres)
    database = postgres.url(
        TRACKING_DATABASE,
        TRACKING_ROLE,
        state.credentials().tracking,
        driver="postgresql+psycopg2",
    )
    return TrackingServer(
        python=tracking_environment(state.root).python,
        directory=state.tracking,
        database=database,
        bucket=task.bucket,
        # By the marker `stop` finds what outlived the daemon, as the functions' processes.
        environment=Endpoints(ports).aws_environment() | {MARKER: str(state.localstack)},
        port=ports.tracking,
        log_file=state.logs / f"{TrackingServer.name}.log",
    )
