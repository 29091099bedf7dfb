"""The functions of analytics and exports: those of routes, and those that compute ahead."""

from typing import Any

from aws_cdk import CfnOutput, Duration
from constructs import Construct

from infra.batch_functions import BATCH_FUNCTIONS, PRECOMPUTE
from infra.components.alarm import alarm_at_errors, alarm_at_silence
from infra.components.schedules import run_on_schedule
from infra.config import Config
from infra.functions import Area
from infra.paths import Artefacts
from infra.stacks.area import AreaStack
from infra.stacks.data import DataStack
from infra.stacks.network import NetworkStack


class AnalyticsStack(AreaStack):
    """Routes of analytics and exports, and the functions whose results they answer with."""

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
        super().__init__(
            scope,
            construct_id,
            area=Area.ANALYTICS,
            config=config,
            artefacts=artefacts,
            network=network,
            data=data,
            further=BATCH_FUNCTIONS,
            **kwargs,
        )
        for name, needs in BATCH_FUNCTIONS.items():
            if needs.schedule is not None:
                run_on_schedule(self, needs.construct_id, self.functions[name], needs.schedule)
        alarm_at_errors(
            self,
            "ErrorsAlarm",
            config=config,
            name="analytics-errors",
            description="A function that computes for analytics or exports failed.",
            functions=[self.functions[name].function for name in BATCH_FUNCTIONS],
        )
        alarm_at_silence(
            self,
            "PrecomputeAlarm",
            config=config,
            name="analytics-precompute",
            description="What analytics answer with was not computed for two hours.",
            function=self.functions[PRECOMPUTE].function,
            period=Duration.hours(2),
        )
        CfnOutput(self, "ExportBucketName", value=data.exports.bucket.bucket_name)
