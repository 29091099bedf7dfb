"""Lambda proxy integration: bodies of binary media types and the integration's timeout.

https://docs.aws.amazon.com/apigateway/latest/developerguide/lambda-proxy-binary-media.html
"""

import base64
import contextvars
import threading
from concurrent.futures import Future
from typing import Any, override

from localstack.services.apigateway.next_gen.execute_api import helpers
from localstack.services.apigateway.next_gen.execute_api.context import (
    EndpointResponse,
    RestApiInvocationContext,
)
from localstack.services.apigateway.next_gen.execute_api.gateway_response import (
    IntegrationTimeoutError,
)
from localstack.services.apigateway.next_gen.execute_api.integrations.aws import (
    RestApiAwsProxyIntegration,
    get_service_factory,
)
from localstack.utils.aws.arns import extract_region_from_arn
from localstack.utils.aws.client_types import ServicePrincipal

from quant_localstack.telemetry.traces import gateway_call

DEFAULT_TIMEOUT_MILLIS = 29_000


def matches_binary_media_types(mime_type: str | None, binary_media_types: list[str]) -> bool:
    """As the core's function, but ``*/*`` covers every type and also its absence."""
    if "*/*" in binary_media_types:
        return True
    return bool(helpers.mime_type_matches_binary_media_types(mime_type, binary_media_types))


class BinaryProxyIntegration(RestApiAwsProxyIntegration):
    """Takes the place of the core's AWS_PROXY integration."""

    @override
    def invoke(self, context: RestApiInvocationContext) -> EndpointResponse:
        """Invoke the function as the core does, at most for the integration's timeout.

        :raises IntegrationTimeoutError: (504) the function is still running then
        """
        result: Future[EndpointResponse] = Future()
        current = contextvars.copy_context()

        def run() -> None:
            try:
                result.set_result(current.run(super(BinaryProxyIntegration, self).invoke, context))
            except Exception as error:  # noqa: BLE001 raised again where it is waited for
                result.set_exception(error)

        millis = int(context.integration.get("timeoutInMillis") or DEFAULT_TIMEOUT_MILLIS)
        threading.Thread(target=run, name="lambda-proxy", daemon=True).start()
        try:
            return result.result(millis / 1000)
        except TimeoutError as error:
            if result.done():
                raise
            raise IntegrationTimeoutError("Endpoint request timed out") from error

    @staticmethod
    @override
    def call_lambda(
        function_arn: str, event: bytes, source_arn: str, credentials: str | None = None
    ) -> bytes:
        """Invoke the function as the core does, as a part of the request's trace."""
        factory = get_service_factory(
            region_name=extract_region_from_arn(function_arn), role_arn=credentials
        )
        with gateway_call(function_arn) as headers:
            answer = (
                factory.lambda_.request_metadata(
                    service_principal=ServicePrincipal.apigateway, source_arn=source_arn
                )
                .custom_headers(headers)
                .invoke(FunctionName=function_arn, Payload=event, InvocationType="RequestResponse")
            )
            payload: bytes = answer["Payload"].read()
        return payload

    @override
    def create_lambda_input_event(self, context: RestApiInvocationContext) -> dict[str, Any]:
        event: dict[str, Any] = super().create_lambda_input_event(context)
        body = context.integration_request["body"]
        media_types = context.deployment.rest_api.rest_api.get("binaryMediaTypes") or []
        content_type = context.invocation_request["headers"].get("Content-Type")
        if body and matches_binary_media_types(content_type, media_types):
            event["body"] = base64.b64encode(body).decode("ascii")
            event["isBase64Encoded"] = True
        return event
