"""What tells an operator how the system is: objectives and their alarms, dashboards, queries."""

from typing import Any, Final

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.all_functions import FUNCTIONS
from infra.components.alarm import alarm_at
from infra.components.dashboards import Dashboards
from infra.components.error_forwarder import ErrorForwarder
from infra.components.objectives import OBJECTIVES, ObjectiveAlarms, gateway_metric
from infra.components.queries import Queries, access_log_name
from infra.components.store_alarms import watch_account, watch_cache, watch_database
from infra.config import Config
from infra.paths import Artefacts
from quant.observability.catalogue import NAMESPACE

_TOKENS_REFUSED: Final = "TokensRefused"
# What API Gateway answers where its authorizer refuses.
_REFUSALS: Final = ("UNAUTHORIZED", "ACCESS_DENIED")
# Some clients always come with tokens that have expired, and ask for new ones.
_FEWEST_REFUSALS: Final = 50
_REFUSED_SHARE: Final = 0.5


class ObservabilityStack(Stack):
    """Alarms of the API as a whole and of what AWS runs for us, dashboards and saved queries.

    It names what others hold and imports nothing, so that it can be removed and so can they.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        artefacts: Artefacts,
        **kwargs: Any,
    ):
        super().__init__(scope, construct_id, **kwargs)
        self._config = config
        objectives = [
            alarm
            for objective in OBJECTIVES
            for alarm in ObjectiveAlarms(
                self, objective.name.capitalize(), config=config, objective=objective
            ).alarms
        ]
        self._watch_tokens()
        if config.database is not None:
            watch_database(self, config, config.database)
        if config.cache is not None:
            watch_cache(self, config, config.cache)
        if config.local is None:
            watch_account(self, config)
        Dashboards(self, "Dashboards", config=config, objectives=objectives)
        Queries(self, "Queries", config=config)
        if config.sentry:
            ErrorForwarder(self, "Errors", config=config, artefacts=artefacts, functions=FUNCTIONS)

    def _watch_tokens(self) -> None:
        """Raise an alarm where most requests come with tokens that are refused."""
        log = logs.LogGroup.from_log_group_name(self, "AccessLog", access_log_name(self._config))
        logs.MetricFilter(
            self,
            "TokensRefusedFilter",
            log_group=log,
            filter_pattern=logs.FilterPattern.any(
                *(logs.FilterPattern.string_value("$.error_type", "=", each) for each in _REFUSALS)
            ),
            metric_namespace=NAMESPACE,
            metric_name=_TOKENS_REFUSED,
            metric_value="1",
        )
        period = Duration.minutes(15)
        alarm_at(
            self,
            "TokensRefusedAlarm",
            config=self._config,
            name="tokens-refused",
            description="Most requests come with a token that is refused.",
            metric=cloudwatch.MathExpression(
                expression=f"IF(refused < {_FEWEST_REFUSALS}, 0, refused / requests)",
                using_metrics={
                    "refused": cloudwatch.Metric(
                        namespace=NAMESPACE,
                        metric_name=_TOKENS_REFUSED,
                        period=period,
                        statistic="Sum",
                    ),
                    "requests": gateway_metric(self._config, "Count", "SampleCount", period),
                },
                period=period,
                label="share of requests",
            ),
            threshold=_REFUSED_SHARE,
        )
