import json

import pytest
from account_support import AUTH
from browser_support import launched_browser
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

LINK = f"https://quant.example{AUTH}/verify-email"
WAIT_MS = 60_000


@pytest.fixture(scope="module")
def answer(api):
    return api.get(f"{AUTH}/verify-email", authorizer={})


@pytest.fixture(scope="module")
def browser(answer):
    with launched_browser() as browser:
        yield browser


@pytest.fixture
def opened(browser, answer):
    """Opens a link; the page is the handler's, what is posted gets the given statuses."""
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    page.posted = []
    page.refused = []
    page.on(
        "console",
        lambda message: page.refused.append(message.text) if "Policy" in message.text else None,
    )

    def open_link(fragment, *statuses):
        remaining = list(statuses)

        def respond(route):
            if route.request.method == "POST":
                page.posted.append(json.loads(route.request.post_data))
                route.fulfill(status=remaining.pop(0))
            else:
                route.fulfill(status=answer.status, headers=answer.headers, body=answer.body)

        page.route("**/*", respond)
        page.goto(f"{LINK}{fragment}")
        return page

    yield open_link
    context.close()


def test_the_button_posts_the_token_of_the_link(opened):
    page = opened("#token=qev_abc", 204)
    assert page.posted == []
    page.get_by_role("button").click()
    expect(page.get_by_role("status")).to_contain_text("is confirmed", timeout=WAIT_MS)
    assert page.posted == [{"token": "qev_abc"}]
    assert page.refused == []
    assert page.url == LINK


def test_a_used_link_says_so(opened):
    page = opened("#token=qev_abc", 422)
    page.get_by_role("button").click()
    expect(page.get_by_role("status")).to_contain_text("was used", timeout=WAIT_MS)
    expect(page.get_by_role("button")).to_be_hidden()


def test_an_outage_lets_one_try_again(opened):
    page = opened("#token=qev_abc", 503, 204)
    page.get_by_role("button").click()
    expect(page.get_by_role("status")).to_contain_text("Try again", timeout=WAIT_MS)
    page.get_by_role("button").click()
    expect(page.get_by_role("status")).to_contain_text("is confirmed", timeout=WAIT_MS)


def test_a_link_without_a_token_offers_no_button(opened):
    page = opened("")
    expect(page.get_by_role("status")).to_contain_text("not complete", timeout=WAIT_MS)
    expect(page.get_by_role("button")).to_be_hidden()
