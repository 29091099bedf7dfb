"""The page of costs is computed from the templates; nothing in them goes unpriced."""

import os
from collections.abc import Callable

import pytest
from infra.costs.measured import MIX, Took, durations
from infra.costs.page import million, month, page
from infra.costs.standing import BILLED, FREE, standing, unpriced
from infra.costs.traffic import HIGH, LIKELY, LOW, memory_of, times_a_month
from infra.references import References
from infra_support import PROJECT, Assembly

from quant_http.routes import ROUTES

PAGE = PROJECT / "docs" / "costs.md"
MEASURED = durations(PROJECT / "docs" / "benchmarks.json")


def _references(assembly: Assembly) -> References:
    return References(assembly.templates, assembly.config.name(""))


def test_page_is_what_the_templates_cost(assemble: Callable[[str], Assembly]) -> None:
    environments = {name: _references(assemble(name)) for name in ("prod", "dev")}
    computed = page(environments, MEASURED)
    if os.environ.get("QUANT_WRITE_SNAPSHOT"):
        PAGE.write_text(computed)
    assert PAGE.read_text() == computed, "the stacks have changed: run `make snapshot`"


def test_every_type_of_resource_is_priced_or_free(aws_assembly: Assembly) -> None:
    assert not BILLED & FREE
    assert not unpriced(_references(aws_assembly)), "price it in infra/costs, or declare it free"


def test_a_type_that_nobody_priced_is_found(aws_assembly: Assembly) -> None:
    templates = {
        **aws_assembly.templates,
        "Other": {"Resources": {"Gateway": {"Type": "AWS::EC2::NatGateway"}}},
    }
    references = References(templates, aws_assembly.config.name(""))
    assert unpriced(references) == {"AWS::EC2::NatGateway"}


def test_standing_costs_follow_the_templates(aws_assembly: Assembly) -> None:
    references = _references(aws_assembly)
    units: dict[str, float] = {}
    for _, price, number in standing(references):
        units[price] = units.get(price, 0) + number
    secrets = list(references.of_type("AWS::SecretsManager::Secret"))
    assert units["secret"] == len(secrets)
    [(_, database)] = references.of_type("AWS::RDS::DBInstance")
    zones = ", two zones" if aws_assembly.config.environment == "prod" else ""
    assert units[f"{database['DBInstanceClass']}{zones}"] == 730
    endpoints = [
        properties
        for _, properties in references.of_type("AWS::EC2::VPCEndpoint")
        if properties["VpcEndpointType"] == "Interface"
    ]
    least, most = 730 * len(endpoints), 730 * 2 * len(endpoints)
    assert least <= units["interface endpoint"] <= most


def test_costs_rise_with_traffic_and_with_what_is_assumed(aws_assembly: Assembly) -> None:
    references = _references(aws_assembly)
    for requests in (0, 10**5, 10**7):
        low, likely, high = (
            sum(month(references, MEASURED, assumed, requests).values())
            for assumed in (LOW, LIKELY, HIGH)
        )
        assert low < likely < high
    idle, busy = (month(references, MEASURED, LIKELY, number) for number in (0, 10**6))
    # By hand: a million requests of the REST API at 3.50 a million.
    assert busy["API Gateway"] - idle["API Gateway"] == pytest.approx(3.50)


def test_mix_is_of_routes_and_makes_one() -> None:
    assert sum(MIX.values()) == pytest.approx(1)
    assert set(MIX) <= {route.name for route in ROUTES}


def test_every_route_has_a_price_for_a_million_requests(aws_assembly: Assembly) -> None:
    references = _references(aws_assembly)
    for route in ROUTES:
        low, likely, high = (
            million(references, MEASURED, assumed, route.name) for assumed in (LOW, LIKELY, HIGH)
        )
        assert sum(low.values()) < sum(likely.values()) < sum(high.values())
        # By hand: 3.50 a million, and a request to a function is 0.20.
        assert likely["API Gateway"] == pytest.approx(3.50)
        assert likely["Lambda"] > 0.20


def test_compute_of_a_million_requests_by_hand(aws_assembly: Assembly) -> None:
    references = _references(aws_assembly)
    memory = memory_of(references, "health.live")
    took = MEASURED["health.live"].uncached
    seconds = 1.5 * (took.seconds - took.processor + took.processor * 1769 / 1024 / memory)
    by_hand = 1e6 * (seconds + 0.0005) * memory * 0.0000133334 + 0.20
    restored = 1e6 * 0.01 * memory * 0.0001397998
    bill = million(references, MEASURED, LIKELY, "health.live")
    assert bill["Lambda"] == pytest.approx(by_hand + restored)


@pytest.mark.parametrize(
    ("expression", "times"),
    [
        ("rate(15 minutes)", 730 * 4),
        ("rate(1 hour)", 730),
        ("cron(5 * * * ? *)", 730),
        ("cron(30 4 * * ? *)", 730 / 24),
        ("cron(0/10 * * * ? *)", 730 * 6),
        ("cron(0 20 ? * MON-FRI *)", 5 * 730 / 24 / 7),
        ("cron(30 4 1 * ? *)", 1),
    ],
)
def test_schedules_are_counted(expression: str, times: float) -> None:
    assert times_a_month(expression) == pytest.approx(times)


def test_waiting_takes_no_longer_on_half_a_processor() -> None:
    took = Took(seconds=0.012, processor=0.008)
    assert took.billed(0.5) == pytest.approx(0.004 + 0.016 + 0.0005)
    assert took.billed(2) == pytest.approx(0.0125)
