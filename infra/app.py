"""Entry point of the CDK app: ``cdk <command> -c env=local|dev|prod``."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from aws_cdk import (
    App,
    CliCredentialsStackSynthesizer,
    Environment,
    RemovalPolicies,
    Tags,
)

from infra.config import REGION, Config, config
from infra.functions import Area
from infra.paths import Artefacts
from infra.rules import check
from infra.stacks.analytics import AnalyticsStack
from infra.stacks.api import ApiStack
from infra.stacks.area import AreaStack
from infra.stacks.data import DataStack
from infra.stacks.delivery import DeliveryStack
from infra.stacks.ml import MlStack
from infra.stacks.network import NetworkStack
from infra.stacks.observability import ObservabilityStack
from infra.stacks.pipeline import PipelineStack
from infra.stacks.recovery import RecoveryReplicaStack, RecoveryStack
from infra.stacks.replica import ReplicaStack
from infra.stacks.schema import SchemaStack

# What constructs would let CloudFormation delete with its stack, where data are kept.
_KEPT: Final = ("AWS::SecretsManager::Secret", "AWS::SNS::Topic")


@dataclass(frozen=True, slots=True)
class Stacks:
    """The stacks of one environment, each after those it needs."""

    network: NetworkStack
    data: DataStack
    schema: SchemaStack
    areas: Mapping[Area, AreaStack]
    api: ApiStack
    pipeline: PipelineStack
    ml: MlStack
    observability: ObservabilityStack


def add_stacks(app: App, settings: Config, artefacts: Artefacts) -> Stacks:
    """Add the stacks of one environment to ``app``."""
    common: dict[str, Any] = {
        "config": settings,
        # Without an account the templates need no credentials and no lookups to synthesise.
        "env": Environment(region=REGION),
        "termination_protection": settings.retain_data,
        # The local cloud needs no bootstrap stack, only the bucket this synthesizer names.
        "synthesizer": CliCredentialsStackSynthesizer() if settings.local else None,
    }
    network = NetworkStack(app, "Network", stack_name=settings.name("network"), **common)
    data = DataStack(app, "Data", stack_name=settings.name("data"), network=network, **common)
    if settings.replica_region is not None:
        replica = ReplicaStack(
            app,
            "Replica",
            stack_name=settings.name("replica"),
            **{**common, "env": Environment(region=settings.replica_region)},
        )
        # S3 copies to no bucket that is not there.
        data.add_stack_dependency(replica)
    functions: dict[str, Any] = {
        "artefacts": artefacts,
        "network": network,
        "data": data,
        **common,
    }
    _add_recovery(app, settings, network, data, **common)
    schema = SchemaStack(app, "Schema", stack_name=settings.name("schema"), **functions)
    areas: dict[Area, AreaStack] = {
        area: AreaStack(
            app, area.capitalize(), stack_name=settings.name(area), area=area, **functions
        )
        for area in (Area.DISCLOSURES, Area.ACCOUNTS)
    }
    areas[Area.ANALYTICS] = AnalyticsStack(
        app, "Analytics", stack_name=settings.name(Area.ANALYTICS), **functions
    )
    api = ApiStack(app, "Api", stack_name=settings.name("api"), **functions)
    for area in areas.values():
        # It names their functions without importing them.
        api.add_stack_dependency(area)
    pipeline = PipelineStack(
        app,
        "Pipeline",
        stack_name=settings.name("pipeline"),
        public_url=api.own_url(),
        **functions,
    )
    ml = MlStack(app, "Ml", stack_name=settings.name("ml"), **functions)
    for stack in (*areas.values(), api, pipeline, ml):
        # No code before the schema it needs: where that fails, they are left as they are.
        stack.add_stack_dependency(schema)
    observability = ObservabilityStack(
        app,
        "Observability",
        stack_name=settings.name("observability"),
        artefacts=artefacts,
        **common,
    )
    for stack in (*areas.values(), api, pipeline, ml):
        # It reads their logs, which it names.
        observability.add_stack_dependency(stack)
    if settings.repository is not None and settings.local is None:
        DeliveryStack(
            app,
            "Delivery",
            stack_name=settings.name("delivery"),
            repository=settings.repository,
            **common,
        )
    if settings.retain_data:
        RemovalPolicies.of(app).retain(apply_to_resource_types=list(_KEPT))
    Tags.of(app).add("project", "quant-analytics-platform")
    Tags.of(app).add("environment", settings.environment)
    return Stacks(network, data, schema, areas, api, pipeline, ml, observability)


def _add_recovery(
    app: App, settings: Config, network: NetworkStack, data: DataStack, **common: Any
) -> None:
    """Add what keeps backups, in the region and in that of the replicas, if there are any."""
    backup = settings.backup
    if backup is None or settings.local is not None:
        return
    recovery = RecoveryStack(
        app,
        "Recovery",
        stack_name=settings.name("recovery"),
        settings=backup,
        network=network,
        data=data,
        **common,
    )
    if settings.replica_region is not None:
        replica = RecoveryReplicaStack(
            app,
            "RecoveryReplica",
            stack_name=settings.name("recovery-replica"),
            settings=backup,
            **{**common, "env": Environment(region=settings.replica_region)},
        )
        # The plan names its vault.
        recovery.add_stack_dependency(replica)


def main() -> None:
    """Synthesise the environment named by the context value ``env``, by default ``dev``."""
    app = App()
    environment = app.node.try_get_context("env") or "dev"
    settings = config(environment, app.node.try_get_context)
    target = "local" if settings.environment == "local" else "aws"
    add_stacks(app, settings, Artefacts.built_for(target))
    if settings.local is None:
        check(app)
    app.synth()


if __name__ == "__main__":
    main()
