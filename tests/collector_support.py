"""Runs of the collectors, for tests."""

from datetime import UTC, datetime
from functools import partial

from quant.collectors.house import collect_indexes
from quant.collectors.legislators import collect_legislators
from quant.collectors.price_providers import provider_of
from quant.collectors.prices import collect_prices
from quant.collectors.run import Collector, collect
from quant.collectors.senate import collect_search
from quant.pipeline.messages import FetchRequest
from quant.vocabulary import FilingSource

TODAY = datetime.now(UTC).date()
YEAR = TODAY.year


def house(place, years=()):
    work = partial(collect_indexes, years=years)
    return collect(Collector.HOUSE, place.settings.house_url, work, place)


def senate(place, since=None):
    work = partial(collect_search, since=since)
    return collect(Collector.SENATE, place.settings.senate_url, work, place)


def legislators(place):
    url = place.settings.legislators_url
    return collect(Collector.LEGISLATORS, url, collect_legislators, place)


def prices(place, provider="tiingo", key="key"):
    source = provider_of(provider, key, place.settings.prices_url)
    work = partial(collect_prices, provider=source)
    return collect(Collector.PRICES, source.base_url, work, place)


def counts(report):
    return report.outcome, report.stored, report.unchanged


def house_request(doc_id, year=YEAR):
    return FetchRequest(source=FilingSource.HOUSE_CLERK, doc_id=doc_id, year=year)


def senate_request(doc_id, *, paper=False):
    return FetchRequest(source=FilingSource.SENATE_EFD, doc_id=doc_id, paper=paper)
