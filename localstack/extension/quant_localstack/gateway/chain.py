"""Installation of this package's handlers in the chain every REST API request passes."""

from localstack.services.apigateway.next_gen.execute_api import handlers
from localstack.services.apigateway.next_gen.execute_api.integrations import (
    REST_API_INTEGRATIONS,
    aws,
)

from quant_localstack.gateway.authorizer import LambdaAuthorizerHandler
from quant_localstack.gateway.proxy import BinaryProxyIntegration, matches_binary_media_types
from quant_localstack.gateway.responses import GatewayResponseHandler
from quant_localstack.gateway.usage_plans import UsagePlanHandler
from quant_localstack.telemetry.traces import BeginSegment, EndSegment


def extend_chain() -> None:
    """Must run before the API Gateway provider is loaded, which reads ``handlers`` once."""
    handlers.modify_request.append(BeginSegment())
    handlers.response_enricher = EndSegment()
    handlers.preprocess_request.append(LambdaAuthorizerHandler())
    handlers.api_key_validation_handler = UsagePlanHandler()
    handlers.gateway_exception_handler = GatewayResponseHandler()
    REST_API_INTEGRATIONS[BinaryProxyIntegration.name] = BinaryProxyIntegration()
    aws.mime_type_matches_binary_media_types = matches_binary_media_types
