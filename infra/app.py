"""Entry point of the CDK app: ``cdk <command> -c env=local|dev|prod``."""

from dataclasses import dataclass
from typing import Any

from aws_cdk import App, CliCredentialsStackSynthesizer, Environment, Tags

from infra.config import REGION, Config, config
from infra.paths import Artefacts
from infra.stacks.api import ApiStack
from infra.stacks.data import DataStack
from infra.stacks.network import NetworkStack
from infra.stacks.pipeline import PipelineStack


@dataclass(frozen=True, slots=True)
class Stacks:
    """The stacks of one environment, the longest-lived first."""

    network: NetworkStack
    data: DataStack
    api: ApiStack
    pipeline: PipelineStack


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
    api = ApiStack(
        app,
        "Api",
        stack_name=settings.name("api"),
        artefacts=artefacts,
        network=network,
        data=data,
        **common,
    )
    pipeline = PipelineStack(
        app,
        "Pipeline",
        stack_name=settings.name("pipeline"),
        artefacts=artefacts,
        network=network,
        data=data,
        public_url=api.own_url(),
        **common,
    )
    Tags.of(app).add("project", "quant-analytics-platform")
    Tags.of(app).add("environment", settings.environment)
    return Stacks(network, data, api, pipeline)


def main() -> None:
    """Synthesise the environment named by the context value ``env``, by default ``dev``."""
    app = App()
    environment = app.node.try_get_context("env") or "dev"
    settings = config(environment, app.node.try_get_context)
    target = "local" if settings.environment == "local" else "aws"
    add_stacks(app, settings, Artefacts.built_for(target))
    app.synth()


if __name__ == "__main__":
    main()
