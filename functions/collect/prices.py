"""Fetch new daily prices from the configured provider; EventBridge Scheduler runs it."""

from functools import cache
from typing import Any

from collect._run import logger, publish, require_settings, workplace
from quant.collectors.price_providers import PriceProvider, provider_of
from quant.collectors.prices import collect_prices
from quant.collectors.run import Collector, collect
from quant.observability.invocation import observed
from quant.secrets import read_secret

_settings = require_settings()


@cache
def _provider() -> PriceProvider:
    arn = _settings.prices_secret_arn
    key = read_secret(arn).strip() if arn else ""
    return provider_of(_settings.prices_provider, key, _settings.prices_url)


@observed(logger)
def handler(_event: dict[str, Any], context: Any) -> None:
    """Do one run, and publish its report.

    Raises:
        StoreUnavailableError: S3 or SQS cannot be reached.
    """
    provider = _provider()
    publish(
        collect(
            Collector.PRICES,
            provider.base_url,
            lambda run: collect_prices(run, provider),
            workplace(context),
        )
    )
