"""Entry points by which LocalStack finds this extension.

They import what they stand for when it is asked for: LocalStack loads them all early.
"""

# ruff: noqa: PLC0415

from typing import Any, override

from localstack.runtime import hooks
from localstack.services.cloudformation.resource_provider import (
    CloudFormationResourceProviderPlugin,
    ResourceProvider,
)
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor


class ProcessRuntimeExecutorPlugin(RuntimeExecutorPlugin):
    """Chosen by ``LAMBDA_RUNTIME_EXECUTOR=process``."""

    name = "process"

    @override
    def load(self, *args: Any, **kwargs: Any) -> type[RuntimeExecutor]:
        from quant_localstack.runtime.executor import ProcessRuntimeExecutor

        return ProcessRuntimeExecutor


class AuthorizerProviderPlugin(CloudFormationResourceProviderPlugin):
    """A resource type the core lacks."""

    name = "AWS::ApiGateway::Authorizer"

    def __init__(self) -> None:
        self.factory: type[ResourceProvider] | None = None

    @override
    def load(self, *args: Any, **kwargs: Any) -> None:
        from quant_localstack.cloudformation.authorizer import AuthorizerProvider

        self.factory = AuthorizerProvider


class CustomResourceProviderPlugin(CloudFormationResourceProviderPlugin):
    """Resources that functions make, which the core lacks too."""

    name = "AWS::CloudFormation::CustomResource"

    def __init__(self) -> None:
        self.factory: type[ResourceProvider] | None = None

    @override
    def load(self, *args: Any, **kwargs: Any) -> None:
        from quant_localstack.cloudformation.custom import CustomResourceProvider

        self.factory = CustomResourceProvider


@hooks.on_infra_start()
def extend_services() -> None:
    """Extend the services before their providers are loaded."""
    from quant_localstack.cloudformation.drift import patch_drift
    from quant_localstack.cloudformation.engine import patch_engine
    from quant_localstack.cloudformation.functions import patch_functions
    from quant_localstack.cloudformation.patches import patch_providers
    from quant_localstack.gateway.chain import extend_chain
    from quant_localstack.runtime.archives import patch_archives
    from quant_localstack.telemetry.metrics import patch_logs
    from quant_localstack.telemetry.request_log import hide_paths

    extend_chain()
    patch_providers()
    patch_engine()
    patch_drift()
    patch_functions()
    patch_archives()
    patch_logs()
    hide_paths()
