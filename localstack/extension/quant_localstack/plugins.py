"""Entry points by which LocalStack finds this extension; they import lazily to keep start fast."""

from typing import Any

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

    def load(self, *args: Any, **kwargs: Any) -> type[RuntimeExecutor]:
        from quant_localstack.runtime.executor import ProcessRuntimeExecutor

        return ProcessRuntimeExecutor


class AuthorizerProviderPlugin(CloudFormationResourceProviderPlugin):
    name = "AWS::ApiGateway::Authorizer"

    def __init__(self) -> None:
        self.factory: type[ResourceProvider] | None = None

    def load(self, *args: Any, **kwargs: Any) -> None:
        from quant_localstack.cloudformation.authorizer import AuthorizerProvider

        self.factory = AuthorizerProvider


@hooks.on_infra_start()
def extend_api_gateway() -> None:
    """Extend API Gateway before its provider is loaded, which builds the gateway's handler chain."""
    from quant_localstack.cloudformation.patches import patch_providers
    from quant_localstack.gateway.chain import extend_chain

    extend_chain()
    patch_providers()
