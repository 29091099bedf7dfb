"""The part of ``run`` that is for machine learning: the bucket, the tracking server, a training."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass

from supervisor import database, deploy, environments
from supervisor.commands import Commands, StepError, StepTimeoutError
from supervisor.kept_bucket import KeptBucket, empty
from supervisor.ml_task import MlTask, keep
from supervisor.progress import Progress
from supervisor.published import servers, wait_for_state, wait_until_gone
from supervisor.servers import HOST, PostgresServer, port_is_open
from supervisor.state import TRACKING, State, read_json

BUCKET_OUTPUT = "MlBucketName"


@dataclass(frozen=True)
class Learning:
    """Machine learning in one local cloud.

    Attributes:
        state: where the cloud keeps its things.
        endpoints: where its servers listen.
        postgres: its database server.
        commands: runs what trains.
        progress: told about every step.
        tracking: whether there is to be a tracking server.
    """

    state: State
    endpoints: deploy.Endpoints
    postgres: PostgresServer
    commands: Commands
    progress: Progress
    tracking: bool

    @property
    def url(self) -> str:
        """Where the tracking server listens."""
        return self.endpoints.tracking

    def make_environment(self) -> None:
        """Make the tracking server's environment where it is not up to date.

        Raises:
            StepError: it could not be made.
        """
        environment = environments.tracking_environment(self.state.root)
        if self.tracking and not environment.current():
            with self.progress.step("make the Python environment of MLflow"):
                environments.ensure_tracking(self.commands, self.state.root)

    def forget(self) -> None:
        """Drop all that was learnt of a database which is dropped.

        Raises:
            StepError: the tracking server does not end.
        """
        self.state.ml_file.unlink(missing_ok=True)
        wait_until_gone(self.state, TRACKING)
        database.drop_database(self.postgres, database.TRACKING_DATABASE)
        shutil.rmtree(self.state.ml, ignore_errors=True)
        bucket = read_json(self.state.run_file).get("outputs", {}).get(BUCKET_OUTPUT)
        if bucket:
            empty(self.endpoints.client("s3"), bucket)

    def start(self, outputs: Mapping[str, str]) -> None:
        """Bring the bucket back and have the tracking server started, without waiting for it.

        Raises:
            StepError: the stacks have no such bucket, or the port is taken.
        """
        before = MlTask.of(self.state)
        if not (self.tracking or before or self.state.ml.exists()):
            return
        if BUCKET_OUTPUT not in outputs:
            raise StepError(f"deploy: the stacks have no output {BUCKET_OUTPUT}")
        task = MlTask(
            bucket=outputs[BUCKET_OUTPUT],
            database=database.identity(self.postgres),
            tracking=self.tracking,
        )
        # A deployment may have put another bucket in the place of the one before.
        if before is None or before.bucket != task.bucket:
            self._bring_back(task)
        if self.tracking:
            if TRACKING not in servers(self.state):
                require_free(TRACKING, self.endpoints.ports.tracking)
            database.ensure_tracking(self.postgres, self.state.credentials().tracking)
        task.ask(self.state)

    def finish(self, settings: Mapping[str, str]) -> None:
        """Wait for the tracking server, train where nothing was trained yet, and keep the bucket.

        Args:
            settings: of the ``quant`` command.

        Raises:
            StepError: the tracking server does not come up, or the training failed.
        """
        if self.tracking:
            self._wait()
            if not database.has_tracked_models(self.postgres):
                self._train(settings)
        task = MlTask.of(self.state)
        if task:
            keep(self.state, task, self.endpoints.ports)

    def _train(self, settings: Mapping[str, str]) -> None:
        try:
            with self.progress.step("train the models"):
                deploy.learn(self.commands, settings, self.progress.say)
        except StepTimeoutError as error:
            self.progress.say(f"{error}; `quant ml train` goes on with it")

    def _wait(self) -> None:
        try:
            with self.progress.step(f"MLflow on port {self.endpoints.ports.tracking}"):
                wait_for_state(self.state, TRACKING, "up")
        except StepError:
            # Without it the daemon would try no more, and `status` go on to name it.
            task = MlTask.of(self.state)
            if task:
                MlTask(task.bucket, task.database, tracking=False).ask(self.state)
            raise

    def _bring_back(self, task: MlTask) -> None:
        if not self.state.ml.exists():
            return
        with self.progress.step("put back what the bucket of machine learning held"):
            kept = KeptBucket(self.state.ml, task.database)
            kept.restore(self.endpoints.client("s3"), task.bucket)


def tracking_is_up(state: State) -> bool:
    """Tell whether the daemon has a tracking server."""
    return state.daemon_alive() and TRACKING in servers(state)


def require_free(name: str, port: int) -> None:
    """Make sure that a server can have its port.

    Raises:
        StepError: something listens there.
    """
    if port_is_open(port):
        raise StepError(
            f"port {port} on {HOST} is in use by another process; "
            f"end that, or choose another port with --{name}-port"
        )
