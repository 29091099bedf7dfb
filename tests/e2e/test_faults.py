import time

import pytest

pytestmark = pytest.mark.e2e

POLITICIANS = "/api/v1/politicians"


@pytest.fixture
def hold(local_cloud):
    held = []

    def take_down(server):
        local_cloud.hold(server, kill=True)
        held.append(server)

    yield take_down
    for server in held:
        local_cloud.release(server)


def test_without_valkey_reads_are_answered(client, hold):
    client.get(POLITICIANS, params={"limit": 1})
    hold("valkey")
    for limit in range(2, 8):
        answer = client.get(POLITICIANS, params={"limit": limit})
        assert answer.status_code == 200, answer.text
    assert client.get("/health/ready").json()["status"] == "degraded"


def test_without_postgres_503_until_it_is_back(client, hold, local_cloud):
    path = f"{POLITICIANS}/Z999999"
    assert client.get(path).status_code == 404
    hold("postgres")
    answer = client.get(path)
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) > 0
    assert client.get("/health/ready").status_code == 503
    assert client.get("/health").status_code == 200
    local_cloud.release("postgres")
    time.sleep(int(answer.headers["retry-after"]))
    assert client.get(path).status_code == 404
