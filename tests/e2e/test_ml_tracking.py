"""MLflow's server in the local cloud, after a training: its pages in a browser, and its guards."""

import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from browser_support import launched_browser
from e2e_support import OTHER_HOST, TIMEOUT_S, Platform, eventually
from playwright.sync_api import Page, expect
from support import LocalCloud

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

WAIT_MS = 60_000


@pytest.fixture(scope="module")
def platform(learning_cloud: LocalCloud) -> Iterator[Platform]:
    with httpx.Client(base_url=learning_cloud.url, timeout=TIMEOUT_S) as http:
        yield Platform(learning_cloud, http)


@pytest.fixture(scope="module")
def mlflow(learning_cloud: LocalCloud) -> Iterator[httpx.Client]:
    """A client of the tracking server."""
    uri = learning_cloud.run["tracking_uri"]
    with httpx.Client(base_url=f"{uri}/api/2.0/mlflow", timeout=TIMEOUT_S) as client:
        yield client


@pytest.fixture
def page() -> Iterator[Page]:
    with launched_browser() as browser:
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        yield page


def experiments(mlflow: httpx.Client) -> dict[str, str]:
    """Identifiers of the experiments by name, without the one that MLflow makes by itself."""
    answer = mlflow.post("/experiments/search", json={"max_results": 100})
    assert answer.status_code == 200, answer.text
    found = {each["name"]: each["experiment_id"] for each in answer.json()["experiments"]}
    found.pop("Default")
    return found


def versions(platform: Platform) -> list[tuple[str, str]]:
    """Models of the registry that requests read, with the runs that made their versions."""
    rows = platform.sql(
        "select model, tracking_run from model_versions where tracking_run is not null"
        " order by 1, 2"
    )
    return [(model, run) for model, run in rows]


def test_run_trained_and_told_the_server(platform: Platform, mlflow: httpx.Client) -> None:
    published = versions(platform)
    assert published
    assert set(experiments(mlflow)) == {model for model, _ in published}
    for _, run in published:
        about = mlflow.get("/runs/get", params={"run_id": run}).json()["run"]
        assert about["info"]["status"] == "FINISHED"
        assert about["data"]["metrics"]
        assert about["data"]["params"]


def test_artifacts_are_in_the_bucket(platform: Platform, mlflow: httpx.Client) -> None:
    bucket = platform.cloud.run["environment"]["QUANT_ML_BUCKET"]
    for model, run in versions(platform):
        answer = mlflow.get("/artifacts/list", params={"run_id": run, "path": "model"})
        paths = [each["path"] for each in answer.json()["files"]]
        assert paths
        prefix = f"tracking/{experiments(mlflow)[model]}/{run}/artifacts/"
        listed = platform.aws("s3").list_objects_v2(Bucket=bucket, Prefix=f"{prefix}model/")
        assert {each["Key"] for each in listed["Contents"]} == {prefix + path for path in paths}


def test_the_bucket_is_kept_once_run_ends(learning_cloud: LocalCloud) -> None:
    folder = Path(learning_cloud.run["logs"]).parent / "ml"
    objects = json.loads((folder / "manifest.json").read_text())["objects"]
    assert any(key.startswith("tracking/") for key in objects)
    assert any(key.startswith("models/") for key in objects)
    assert len(list((folder / "objects").iterdir())) == len(objects)


@pytest.mark.browser
def test_pages_show_experiments_and_runs(
    page: Page, platform: Platform, mlflow: httpx.Client, tmp_path: Path
) -> None:
    uri = platform.cloud.run["tracking_uri"]
    problems: list[str] = []
    elsewhere: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((uri, "data:", "blob:"))
            else elsewhere.append(request.url)
        ),
    )
    page.goto(f"{uri}/#/experiments")
    for name in experiments(mlflow):
        expect(page.get_by_role("link", name=name, exact=True)).to_be_visible(timeout=WAIT_MS)
    page.screenshot(path=tmp_path / "experiments.png")
    assert (tmp_path / "experiments.png").stat().st_size > 30_000

    model, run = versions(platform)[0]
    page.goto(f"{uri}/#/experiments/{experiments(mlflow)[model]}/runs/{run}")
    expect(page.get_by_text(re.compile(r"Metrics \(\d+\)")).first).to_be_visible(timeout=WAIT_MS)
    expect(page.get_by_text("Finished").first).to_be_visible(timeout=WAIT_MS)
    assert problems == []
    assert elsewhere == []


def test_requests_of_other_sites_are_refused(learning_cloud: LocalCloud) -> None:
    uri = learning_cloud.run["tracking_uri"]
    search = f"{uri}/api/2.0/mlflow/experiments/search"
    body = {"max_results": 1}
    assert httpx.post(search, json=body, timeout=TIMEOUT_S).status_code == 200
    for headers in (
        {"Host": "mlflow.example.org"},
        {"Host": OTHER_HOST},  # private addresses are allowed where nobody says otherwise
        {"Origin": "https://example.org"},
    ):
        answer = httpx.post(search, json=body, headers=headers, timeout=TIMEOUT_S)
        assert answer.status_code == 403, headers
    page = httpx.get(uri, timeout=TIMEOUT_S)
    assert page.headers["x-frame-options"] == "DENY"


def test_it_listens_on_loopback_alone_and_shows_no_password(learning_cloud: LocalCloud) -> None:
    about = learning_cloud.status()["servers"]["tracking"]
    first = psutil.Process(about["pid"])
    family = [first, *first.children(recursive=True)]
    listening = {
        connection.laddr.ip
        for process in family
        for connection in process.net_connections()
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}
    words = " ".join(word for process in family for word in process.cmdline())
    credentials = Path(learning_cloud.run["logs"]).parent / "credentials.json"
    secrets = json.loads(credentials.read_text()).values()
    assert [secret for secret in secrets if secret in words] == []


def test_a_killed_server_comes_back_with_all_its_runs(
    learning_cloud: LocalCloud, mlflow: httpx.Client
) -> None:
    before = experiments(mlflow)
    about = learning_cloud.status()["servers"]["tracking"]
    # Only the first of its processes: the other goes on and has the port.
    psutil.Process(about["pid"]).kill()

    def is_back() -> bool:
        server = learning_cloud.status()["servers"]["tracking"]
        return bool(server["state"] == "up" and server["pid"] != about["pid"])

    eventually(is_back, within_s=120)
    assert learning_cloud.status()["healthy"]
    assert experiments(mlflow) == before


def test_it_outlives_its_database(learning_cloud: LocalCloud, mlflow: httpx.Client) -> None:
    before = experiments(mlflow)
    learning_cloud.hold("postgres", kill=True)
    try:
        with contextlib.suppress(httpx.HTTPError):
            answer = mlflow.post("/experiments/search", json={"max_results": 1})
            assert answer.status_code >= 500
    finally:
        learning_cloud.release("postgres")
    assert eventually(lambda: _answers(mlflow), within_s=60)
    assert experiments(mlflow) == before


def _answers(mlflow: httpx.Client) -> bool:
    return mlflow.post("/experiments/search", json={"max_results": 1}).status_code == 200


def test_a_held_server_is_down_until_released(learning_cloud: LocalCloud) -> None:
    uri = learning_cloud.run["tracking_uri"]
    learning_cloud.hold("tracking")
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{uri}/health", timeout=TIMEOUT_S)
    learning_cloud.release("tracking")
    assert httpx.get(f"{uri}/health", timeout=TIMEOUT_S).text == "OK"
