"""Enforcement of usage plans, after the core has found the API key to be valid."""

import logging
from collections.abc import Mapping
from typing import Any, override

from localstack.http import Response
from localstack.services.apigateway.next_gen.execute_api.api import RestApiGatewayHandlerChain
from localstack.services.apigateway.next_gen.execute_api.context import RestApiInvocationContext
from localstack.services.apigateway.next_gen.execute_api.gateway_response import (
    QuotaExceededError,
    ThrottledError,
)
from localstack.services.apigateway.next_gen.execute_api.handlers.api_key_validation import (
    ApiKeyValidationHandler,
)
from localstack.services.apigateway.next_gen.execute_api.moto_helpers import (
    get_usage_plan_keys,
    get_usage_plans,
)

from quant_localstack.gateway.limits import Quota, QuotaCounter, Throttle, Throttler

LOG = logging.getLogger(__name__)


class UsagePlanHandler(ApiKeyValidationHandler):
    """Takes the place of the core's validation of API keys, which it performs first.

    A throttled request is not counted against the quota. The throttle is held per API key, plan and
    stage, that of a single method per method; the quota per API key and plan.
    """

    def __init__(self) -> None:
        self._throttler = Throttler()
        self._quotas = QuotaCounter()

    @override
    def __call__(
        self,
        chain: RestApiGatewayHandlerChain,
        context: RestApiInvocationContext,
        response: Response,
    ) -> None:
        """Pass the request on or end it.

        :raises InvalidAPIKeyError: (403) as the core
        :raises ThrottledError: (429) faster than the plan's throttle
        :raises QuotaExceededError: (429) more than the plan's quota
        """
        super().__call__(chain, context, response)
        if not context.resource_method.get("apiKeyRequired"):
            return
        key = context.context_variables["identity"]["apiKeyId"]
        plan, stage = find_plan(key, context)
        if plan is None or stage is None:
            return
        name = f"{context.resource['path']}/{context.resource_method['httpMethod']}"
        specific = (stage.get("throttle") or {}).get(name)
        throttle = parse_throttle(specific or plan.get("throttle"))
        bucket = (key, plan["id"], context.api_id, context.stage, name if specific else None)
        if throttle is not None and not self._throttler.take(bucket, throttle):
            raise ThrottledError("Too Many Requests")
        quota = parse_quota(plan.get("quota"))
        if quota is not None and not self._quotas.take((key, plan["id"]), quota):
            raise QuotaExceededError("Limit Exceeded")


def find_plan(
    key: str, context: RestApiInvocationContext
) -> tuple[Mapping[str, Any], Mapping[str, Any]] | tuple[None, None]:
    """The plan by which the key with this id may use the stage, and the plan's entry for it."""
    account, region = context.account_id, context.region
    for plan in get_usage_plans(account_id=account, region_name=region):
        for stage in plan.get("apiStages") or []:
            if stage.get("apiId") != context.api_id or stage.get("stage") != context.stage:
                continue
            keys = get_usage_plan_keys(
                usage_plan_id=plan["id"], account_id=account, region_name=region
            )
            if any(item["id"] == key for item in keys):
                return plan, stage
    return None, None


def parse_throttle(settings: Mapping[str, Any] | None) -> Throttle | None:
    """None unless both numbers are set: AWS does not throttle by one alone."""
    if not settings or None in (settings.get("rateLimit"), settings.get("burstLimit")):
        return None
    return Throttle(float(settings["rateLimit"]), int(settings["burstLimit"]))


def parse_quota(settings: Mapping[str, Any] | None) -> Quota | None:
    """None unless a limit is set."""
    if not settings or settings.get("limit") is None:
        return None
    return Quota(int(settings["limit"]), settings["period"], int(settings.get("offset") or 0))
