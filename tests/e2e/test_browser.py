"""The documentation pages in a real browser."""

import pytest
from browser_support import launched_browser
from playwright.sync_api import expect

pytestmark = [pytest.mark.e2e, pytest.mark.browser]

WAIT_MS = 60_000
# ReDoc's footer asks for its maker's logo; the page's policy keeps it from leaving the browser.
BLOCKED_LOGO = "https://cdn.redoc.ly/redoc/logo-mini.svg"


@pytest.fixture(scope="module")
def browser():
    with launched_browser() as browser:
        yield browser


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport={"width": 1280, "height": 1600})
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on(
        "console",
        lambda message: page.problems.append(message.text) if message.type == "error" else None,
    )
    yield page
    context.close()


def assert_painted(page, path):
    """A screenshot of a page that failed to render is one colour and packs to almost nothing."""
    page.screenshot(path=path)
    assert path.stat().st_size > 30_000
    assert [problem for problem in page.problems if BLOCKED_LOGO not in problem] == []


def test_swagger_ui_renders_and_tries_a_route_out(page, local_cloud, unthrottled, tmp_path):
    page.goto(f"{local_cloud.url}/api/v1/docs")
    expect(page.locator(".opblock-summary-path").first).to_be_visible(timeout=WAIT_MS)
    assert_painted(page, tmp_path / "swagger.png")

    page.get_by_role("button", name="Authorize").first.click()
    page.locator(".auth-container input").first.fill(unthrottled)
    page.locator(".auth-btn-wrapper .authorize").click()
    page.locator(".auth-btn-wrapper .btn-done").click()

    operation = page.locator("#operations-politicians-politicians_list")
    operation.click()
    operation.get_by_role("button", name="Try it out").click()
    with page.expect_response(
        lambda answer: answer.url.split("?")[0].endswith("/politicians")
    ) as sent:
        operation.get_by_role("button", name="Execute").click()
    assert sent.value.status == 200
    assert sent.value.request.headers["authorization"] == f"Bearer {unthrottled}"
    status = operation.locator(".live-responses-table .response-col_status").last
    expect(status).to_contain_text("200", timeout=WAIT_MS)
    assert_painted(page, tmp_path / "swagger-tried.png")


def test_redoc_renders(page, local_cloud, tmp_path):
    page.goto(f"{local_cloud.url}/api/v1/redoc")
    expect(page.get_by_role("heading", name="List politicians").first).to_be_visible(
        timeout=WAIT_MS
    )
    assert_painted(page, tmp_path / "redoc.png")


@pytest.mark.parametrize("name", ["docs", "redoc"])
def test_pages_get_nothing_from_elsewhere(page, local_cloud, name):
    answered = []
    page.on("response", lambda response: answered.append(response.url))
    page.goto(f"{local_cloud.url}/api/v1/{name}")
    page.wait_for_load_state("networkidle")
    elsewhere = [url for url in answered if not url.startswith((local_cloud.url, "data:", "blob:"))]
    assert elsewhere == []
    assert len(answered) > 2
