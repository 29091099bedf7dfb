"""Entry point of the CDK app: ``cdk <command> -c env=local|dev|prod``."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aws_cdk import App, CliCredentialsStackSynthesizer, Environment, Tags

from infra.config import REGION, Config, config
from infra.functions import Area
from infra.paths import Artefacts
from infra.rules import check
from infra.stacks.analytics import AnalyticsStack
from infra.stacks.api import ApiStack
from infra.stacks.area import AreaStack
from infra.stacks.data import DataStack
from infra.stacks.ml import MlStack
from infra.stacks.network import NetworkStack
from infra.stacks.pipeline import PipelineStack


@dataclass(frozen=True, slots=True)
class Stacks:
    """The stacks of one environment, each after those it needs."""

    network: NetworkStack
    data: DataStack
    areas: Mapping[Area, AreaStack]
    api: ApiStack
    pipeline: PipelineStack
    ml: MlStack


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
    functions: dict[str, Any] = {
        "artefacts": artefacts,
        "network": network,
        "data": data,
        **common,
    }
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
    Tags.of(app).add("project", "quant-analytics-platform")
    Tags.of(app).add("environment", settings.environment)
    return Stacks(network, data, areas, api, pipeline, ml)


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
