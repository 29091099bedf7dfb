"""The client of the tracking server (MLflow): it shows how a version came about.

Nothing is served from there. MLflow is imported by the first call, never on a request path.
Sources: https://mlflow.org/docs/latest/ml/model-registry/ and
https://mlflow.org/docs/latest/ml/plugins/#defining-a-plugin (authentication).
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from quant.errors import StoreUnavailableError
from quant.settings import TrackingSettings

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

# Tags that the pipeline finds again what it has registered by.
RUN_TAG: Final = "quant.run"
SERVED_TAG: Final = "quant.version"  # number under which requests know the version
CHAMPION: Final = "champion"

_BATCH: Final = 100  # params of one call; metrics may be ten times as many
_METRICS: Final = 1000
_STORE: Final = "tracking"
_SERVER_ERROR: Final = 500

# MLflow reads its own variables: no word to its makers or on standard output, and no minutes of
# retries.
_ENVIRONMENT: Final = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One number of a run.

    Attributes:
        name: Its name.
        value: Its value.
        step: The fold it is of; 0 for the whole record.
    """

    name: str
    value: float
    step: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedRun:
    """What the server is told of one model of a training run.

    Attributes:
        model: Name of the model: of the experiment and of the registered model.
        description: What the model predicts.
        run: Identifier of the training run.
        params: Settings, by name.
        metrics: Numbers by fold and overall.
        tags: Tags of run and version, besides the training run's.
        files: Content by path; ``model/`` holds the artifact.
    """

    model: str
    description: str
    run: str
    params: dict[str, str]
    metrics: tuple[Metric, ...]
    tags: dict[str, str]
    files: dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Registered:
    """A version as the server knows it.

    Attributes:
        version: Its number there.
        tracking_run: Identifier of its run there.
    """

    version: int
    tracking_run: str


class Tracking:
    """The tracking server.

    Every method raises ``StoreUnavailableError`` where the server cannot be reached.

    Args:
        settings: Where it is.
    """

    def __init__(self, settings: TrackingSettings):
        self._settings = settings

    @classmethod
    def from_environment(cls) -> Self:
        """Return the server that ``QUANT_TRACKING_URI`` names."""
        return cls(TrackingSettings())

    def register(self, tracked: TrackedRun) -> Registered:
        """Log a run and register the version it made; once, however often it is asked for."""
        with _translated():
            there = self._version(tracked.model, tracked.run)
            if there is not None:
                return there
            run = self._run(tracked)
            self._log(run, tracked)
            self._create_version(run, tracked)
            found = self._version(tracked.model, tracked.run)
            if found is None:
                raise AssertionError
            return found

    def point(self, model: str, run: str, version: int) -> None:
        """Point the alias ``champion`` of a model to the version that leads in Postgres.

        One that was published while the server was not told has no version there: then the alias
        is taken away.

        Args:
            model: Name of the model.
            run: Training run that made the champion.
            version: Number under which requests know it.
        """
        with _translated():
            there = self._version(model, run)
            if there is None:
                with _unless("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                    self._client.delete_registered_model_alias(model, CHAMPION)
                return
            number = str(there.version)
            self._client.set_model_version_tag(model, number, SERVED_TAG, str(version))
            self._client.set_registered_model_alias(model, CHAMPION, number)

    def champion(self, model: str) -> Registered | None:
        """Return the version that the alias ``champion`` points to, None without one."""
        with _translated(), _unless("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            found = self._client.get_model_version_by_alias(model, CHAMPION)
            return Registered(int(found.version), str(found.run_id))
        return None

    @cached_property
    def _client(self) -> "MlflowClient":
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        from mlflow import MlflowClient  # noqa: PLC0415

        if self._settings.signed:
            from quant.ml.tracking_auth import sign_requests  # noqa: PLC0415

            sign_requests()
        uri = self._settings.uri.rstrip("/")
        return MlflowClient(tracking_uri=uri, registry_uri=uri)

    def _version(self, model: str, run: str) -> Registered | None:
        found = self._client.search_model_versions(f"name='{model}' and tags.`{RUN_TAG}`='{run}'")
        versions = sorted(found, key=lambda each: int(each.version))
        # Two tasks may have registered at once: both take the first.
        return Registered(int(versions[0].version), str(versions[0].run_id)) if versions else None

    def _run(self, tracked: TrackedRun) -> "Run":
        experiment = self._experiment(tracked.model)
        found = self._client.search_runs([experiment], f"tags.`{RUN_TAG}`='{tracked.run}'")
        if found:
            return min(found, key=lambda each: int(each.info.start_time))
        return self._client.create_run(
            experiment, tags={**tracked.tags, RUN_TAG: tracked.run}, run_name=tracked.run
        )

    def _experiment(self, model: str) -> str:
        with _unless("RESOURCE_ALREADY_EXISTS"):
            self._client.create_experiment(model)
        experiment = self._client.get_experiment_by_name(model)
        if experiment is None:
            raise AssertionError
        return str(experiment.experiment_id)

    def _log(self, run: "Run", tracked: TrackedRun) -> None:
        """Log everything; the same again changes nothing, for the time is the run's own."""
        from mlflow.entities import Metric as Logged  # noqa: PLC0415
        from mlflow.entities import Param  # noqa: PLC0415

        run_id, at = run.info.run_id, run.info.start_time
        params = [Param(name, value) for name, value in sorted(tracked.params.items())]
        for first in range(0, len(params), _BATCH):
            self._client.log_batch(run_id, params=params[first : first + _BATCH])
        metrics = [Logged(each.name, each.value, at, each.step) for each in tracked.metrics]
        for first in range(0, len(metrics), _METRICS):
            self._client.log_batch(run_id, metrics=metrics[first : first + _METRICS])
        with tempfile.TemporaryDirectory(prefix="quant-tracking-") as folder:
            for name, content in tracked.files.items():
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            self._client.log_artifacts(run_id, folder)
        self._client.set_terminated(run_id, "FINISHED")

    def _create_version(self, run: "Run", tracked: TrackedRun) -> None:
        with _unless("RESOURCE_ALREADY_EXISTS"):
            self._client.create_registered_model(tracked.model, description=tracked.description)
        self._client.create_model_version(
            tracked.model,
            source=f"{run.info.artifact_uri}/model",
            run_id=run.info.run_id,
            tags={**tracked.tags, RUN_TAG: tracked.run},
        )


@contextmanager
def _unless(*codes: str) -> Iterator[None]:
    """Ignore the server's refusals of these codes."""
    from mlflow.exceptions import RestException  # noqa: PLC0415

    try:
        yield
    except RestException as error:
        if error.error_code not in codes:
            raise


@contextmanager
def _translated() -> Iterator[None]:
    """Raise the domain's error where the server is away."""
    from mlflow.exceptions import MlflowException, RestException  # noqa: PLC0415

    try:
        yield
    except RestException as error:
        if error.get_http_status_code() < _SERVER_ERROR:  # type: ignore[no-untyped-call]
            raise
        raise StoreUnavailableError(_STORE) from error
    except MlflowException as error:
        raise StoreUnavailableError(_STORE) from error


def numbers(prefix: str, values: dict[str, Any], step: int = 0) -> list[Metric]:
    """Return the finite numbers of a document as metrics named ``prefix.name``, the nested too."""
    found: list[Metric] = []
    for name, value in values.items():
        path = f"{prefix}.{name}" if prefix else name
        if isinstance(value, dict):
            found += numbers(path, value, step)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found.append(Metric(name=path, value=float(value), step=step))
    return found
