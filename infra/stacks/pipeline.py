"""The pipeline: collectors, parser, housekeeping and alerts, when they run, what watches them."""

from collections.abc import Iterable
from typing import Any, Final

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.components.alarm import alarm_at, alarm_at_errors
from infra.components.backfill import Backfill
from infra.components.function import HandlerFunction
from infra.components.functions import FunctionFactory
from infra.components.schedules import run_on_schedule
from infra.config import Config
from infra.paths import Artefacts
from infra.pipeline_functions import MEASURE, PARSE, PIPELINE_FUNCTIONS
from infra.stacks.data import DataStack
from infra.stacks.network import NetworkStack
from quant.observability import catalogue
from quant.observability.catalogue import summed

_DAY_S: Final = 86_400

# Each collector counts under its own name; these are sums over all of them.
_COLLECTIONS: Final = (
    (
        "source-refused",
        summed(catalogue.COLLECTION_REFUSED),
        "An official source refused a collector.",
    ),
    (
        "source-changed",
        summed(catalogue.COLLECTION_LAYOUT_CHANGED),
        "An official source answered in a layout that its collector does not know.",
    ),
)


class PipelineStack(Stack):
    """Everything between the official sources and the database, and behind it the alerts.

    Attributes:
        functions: Every function by its name.
        backfill: Parses what was collected before.
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
        public_url: str,
        **kwargs: Any,
    ):
        super().__init__(scope, construct_id, **kwargs)
        self._config = config
        factory = FunctionFactory(
            self,
            config=config,
            artefacts=artefacts,
            network=network,
            data=data,
            public_url=lambda: public_url,
        )
        self.functions = {name: factory.add(needs) for name, needs in PIPELINE_FUNCTIONS.items()}
        scheduled = []
        for name, needs in PIPELINE_FUNCTIONS.items():
            if needs.schedule is not None:
                function = self.functions[name]
                run_on_schedule(self, needs.construct_id, function, needs.schedule)
                scheduled.append(function)
        self.backfill = Backfill(
            self, "Backfill", config=config, raw=data.raw, parser=self.functions[PARSE].alias
        )
        self._watch(scheduled)

        CfnOutput(self, "RawBucketName", value=data.raw.bucket.bucket_name)
        CfnOutput(self, "BackfillArn", value=self.backfill.machine.state_machine_arn)

    def _watch(self, scheduled: Iterable[HandlerFunction]) -> None:
        """Raise alarms for what no queue would set aside."""
        alarm_at_errors(
            self,
            "ErrorsAlarm",
            config=self._config,
            name="pipeline-errors",
            description="A scheduled function of the pipeline failed.",
            functions=[function.function for function in scheduled],
        )
        for name, expression, description in _COLLECTIONS:
            alarm_at(
                self,
                f"{name.title().replace('-', '')}Alarm",
                config=self._config,
                name=name,
                description=description,
                metric=cloudwatch.MathExpression(expression=expression, period=Duration.minutes(5)),
                threshold=1,
            )
        alarm_at(
            self,
            "LayoutAlarm",
            config=self._config,
            name="layout-unknown",
            description="A raw document has a layout that its parser does not know.",
            metric=_metric(PARSE, catalogue.LAYOUT_UNKNOWN, "Sum"),
            threshold=1,
        )
        alarm_at(
            self,
            "StaleAlarm",
            config=self._config,
            name="source-stale",
            description="A source was not asked for news for far longer than its schedule says.",
            metric=_metric(MEASURE, catalogue.SOURCES_STALE, "Minimum"),
            threshold=1,
        )
        alarm_at(
            self,
            "AgeAlarm",
            config=self._config,
            name="disclosure-age",
            description="No trade was disclosed for longer than Congress rests.",
            metric=_metric(MEASURE, catalogue.LATEST_DISCLOSURE_AGE, "Maximum"),
            threshold=self._config.disclosure_age_days * _DAY_S,
            # The measurement itself has ended.
            missing=cloudwatch.TreatMissingData.BREACHING,
        )


def _metric(function: str, metric: catalogue.Metric, statistic: str) -> cloudwatch.Metric:
    """Return a metric that a function writes to its log."""
    return cloudwatch.Metric(
        namespace=catalogue.NAMESPACE,
        metric_name=metric.name,
        dimensions_map={catalogue.SERVICE: function},
        period=Duration.minutes(15),
        statistic=statistic,
    )
