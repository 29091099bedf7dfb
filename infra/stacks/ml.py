"""Machine learning: the steps of training and prediction, their machines, the tracking server."""

from typing import Any, Final

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.components.alarm import alarm_at
from infra.components.functions import FunctionFactory
from infra.components.log_events import (
    ARTIFACT_UNUSABLE,
    DRIFT,
    PERFORMANCE_DRIFT,
    UNMONITORED,
    alarm_at_event,
    count_event,
)
from infra.components.scheduled_machine import ScheduledMachine, UnstartedExecutions
from infra.components.steps import alarm_at_failures
from infra.components.tracking import Tracking
from infra.components.tracking_server import TrackingServer
from infra.components.training_machine import PredictionMachine, TrainingMachine
from infra.config import Config
from infra.functions import Schedule
from infra.ml_functions import ML_FUNCTIONS, MONITOR
from infra.paths import Artefacts
from infra.stacks.data import DataStack
from infra.stacks.network import NetworkStack

# After the collector of prices has run, which does so at 20:00 of a weekday.
_DAILY: Final = Schedule(expression="cron(0 22 * * ? *)", timezone="America/New_York")
# While the exchanges are closed, with the whole week's prices.
_WEEKLY: Final = Schedule(expression="cron(0 6 ? * SAT *)", timezone="America/New_York")
_SILENT_DAYS: Final = 3

# What monitoring says of a model.
_MONITORED: Final = (
    ("ml-drift", DRIFT, "A model's features or predictions are not what training has seen."),
    (
        "ml-performance",
        PERFORMANCE_DRIFT,
        "A model errs more than its record, or its intervals hold fewer outcomes than promised.",
    ),
    ("ml-unmonitored", UNMONITORED, "A model could not be monitored."),
)


class MlStack(Stack):
    """Everything that trains models and predicts ahead of requests.

    Attributes:
        functions: Every function by its name.
        training: Trains every week.
        prediction: Predicts every day.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        artefacts: Artefacts,
        network: NetworkStack,
        data: DataStack,
        **kwargs: Any,
    ):
        super().__init__(scope, construct_id, **kwargs)
        self._config = config
        tracking = self._tracking(network, data)
        factory = FunctionFactory(
            self,
            config=config,
            artefacts=artefacts,
            network=network,
            data=data,
            tracking=tracking,
        )
        self.functions = {name: factory.add(needs) for name, needs in ML_FUNCTIONS.items()}
        self.training = TrainingMachine(
            self, "Training", config=config, functions=self.functions, bucket=data.ml
        )
        self.prediction = PredictionMachine(
            self, "Prediction", config=config, functions=self.functions
        )
        self._schedule()
        self._watch()

        CfnOutput(self, "TrainingArn", value=self.training.machine.state_machine_arn)
        CfnOutput(self, "PredictionArn", value=self.prediction.machine.state_machine_arn)
        CfnOutput(self, "TrackingUri", value=tracking.uri)

    def _tracking(self, network: NetworkStack, data: DataStack) -> Tracking:
        """Return how functions call the tracking server, made here unless the supervisor does."""
        if self._config.local is not None:
            return Tracking(uri=self._config.local.tracking)
        if data.tracking_database is None:
            msg = f"{self._config.environment} has no database for the tracking server"
            raise ValueError(msg)
        server = TrackingServer(
            self,
            "Tracking",
            config=self._config,
            network=network,
            database=data.tracking_database,
            bucket=data.ml,
        )
        return server.tracking

    def _schedule(self) -> None:
        unstarted = UnstartedExecutions(self, "Unstarted", config=self._config, name="ml-unstarted")
        for name, machine, schedule in (
            ("training", self.training.machine, _WEEKLY),
            ("prediction", self.prediction.machine, _DAILY),
        ):
            ScheduledMachine(
                self,
                f"{name.capitalize()}Schedule",
                name=self._config.name(name),
                machine=machine,
                schedule=schedule,
                unstarted=unstarted,
            )

    def _watch(self) -> None:
        training, prediction = self.training.machine, self.prediction.machine
        for name, machine, description in (
            ("ml-training", training, "Training failed; a redrive goes on where it was."),
            ("ml-prediction", prediction, "The daily prediction failed."),
        ):
            alarm_at_failures(
                self,
                f"{name.title().replace('-', '')}Alarm",
                config=self._config,
                name=name,
                description=description,
                machine=machine,
            )
        alarm_at(
            self,
            "SilenceAlarm",
            config=self._config,
            name="ml-no-prediction",
            description=f"Nothing was predicted for {_SILENT_DAYS} days.",
            metric=cloudwatch.MathExpression(
                expression="IF(FILL(succeeded, 0) < 1, 1, 0)",
                using_metrics={
                    "succeeded": prediction.metric_succeeded(
                        period=Duration.days(1), statistic="Sum"
                    )
                },
                period=Duration.days(1),
            ),
            threshold=1,
            periods=_SILENT_DAYS,
            # No data at all: it has never run.
            missing=cloudwatch.TreatMissingData.BREACHING,
        )
        alarm_at_event(
            self,
            config=self._config,
            name="ml-artifact-unusable",
            description="A champion's artifact is missing or damaged; an earlier one predicts.",
            event=ARTIFACT_UNUSABLE,
        )
        for name, event, description in _MONITORED:
            count_event(self.functions[MONITOR], event)
            alarm_at_event(
                self, config=self._config, name=name, description=description, event=event
            )
