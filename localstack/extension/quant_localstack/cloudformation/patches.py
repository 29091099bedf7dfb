"""Corrections of resource providers the core has."""

from typing import Any

from localstack.services.apigateway.resource_providers.aws_apigateway_restapi import (
    ApiGatewayRestApiProvider,
)
from localstack.services.cloudformation.resource_provider import ProgressEvent, ResourceRequest


def patch_providers() -> None:
    """Apply all corrections of this module."""
    _patch_rest_api()


def _patch_rest_api() -> None:
    """Have the provider honour ``ApiKeySourceType``: it looks for ``ApiKeySource``."""
    create = ApiGatewayRestApiProvider.create

    def create_with_key_source(
        self: ApiGatewayRestApiProvider, request: ResourceRequest[Any]
    ) -> ProgressEvent[Any]:
        source = request.desired_state.get("ApiKeySourceType")
        if source is not None:
            request.desired_state["ApiKeySource"] = source
        event = create(self, request)
        event.resource_model.pop("ApiKeySource", None)
        return event

    ApiGatewayRestApiProvider.create = create_with_key_source
