"""GET /metrics through the gateway: requests are counted, and only administrators see it."""

import httpx
import pytest
from e2e_support import TIMEOUT_S, Platform, bearer
from prometheus_client.parser import text_string_to_metric_families

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def platform(local_cloud):
    if not local_cloud.name:
        pytest.skip("--base-url is given: there is nobody to be made an administrator")
    with httpx.Client(base_url=local_cloud.url, timeout=TIMEOUT_S) as client:
        yield Platform(local_cloud, client)


def test_administrators_scrape_what_all_functions_counted(platform):
    token = platform.login(platform.person(tier="premium", admin=True))["access_token"]
    platform.http.get("/api/v1/status")
    answer = platform.http.get("/metrics", headers=bearer(token))
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    samples = [
        sample
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    ]
    # Another function's, handed over at the end of its first request.
    [shown] = [
        each
        for each in samples
        if each.name == "quant_http_requests_total"
        and (each.labels["route"], each.labels["status"]) == ("status.show", "200")
    ]
    assert shown.value >= 1
    up = {each.labels["store"]: each.value for each in samples if each.name == "quant_store_up"}
    assert up == {"postgres": 1, "valkey": 1}


def test_others_do_not(platform):
    assert platform.http.get("/metrics").status_code == 401
    refused = platform.http.get("/metrics", headers=bearer(platform.cloud.token("premium")))
    assert refused.status_code == 403
