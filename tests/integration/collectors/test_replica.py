"""The replica as a process of its own, as end-to-end tests use it."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

REPLICA = Path(__file__).resolve().parents[2] / "replica"


@pytest.fixture
def url() -> Iterator[str]:
    with subprocess.Popen(
        [sys.executable, str(REPLICA)], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def test_it_serves_fails_on_request_and_remembers(url):
    assert httpx.get(f"{url}/legislators-current.yaml").text.startswith("- id:")
    fault = {"path": "/legislators", "status": 429, "headers": {"Retry-After": "5"}, "times": 1}
    assert httpx.put(f"{url}/_replica/faults", json=[fault]).status_code == 204
    answer = httpx.get(f"{url}/legislators-current.yaml")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "5")
    assert httpx.get(f"{url}/legislators-current.yaml").status_code == 200
    seen = httpx.get(f"{url}/_replica/requests").json()
    assert [request["status"] for request in seen] == [200, 429, 200]


def test_the_senate_forbids_forms_without_its_token(url):
    home = f"{url}/search/home/"
    form = {"prohibition_agreement": "1", "csrfmiddlewaretoken": "guessed"}
    assert httpx.post(home, data=form, headers={"Referer": home}).status_code == 403
    assert httpx.get(f"{url}/search/").headers["Location"] == "/search/home/"
