import json
from urllib.parse import urlsplit

import pytest
from account_support import AUTH
from browser_support import launched_browser
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

LINK = f"https://quant.example{AUTH}/verify-email"
RESET_LINK = f"https://quant.example{AUTH}/reset-password"
WAIT_MS = 60_000


@pytest.fixture(scope="module")
def pages(api):
    return {link: api.get(urlsplit(link).path, authorizer={}) for link in (LINK, RESET_LINK)}


@pytest.fixture(scope="module")
def browser(pages):
    with launched_browser() as browser:
        yield browser


@pytest.fixture
def opened(browser, pages):
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

    def open_link(fragment, *answers, link=LINK):
        """Each answer is a status, or a status and a document."""
        remaining = list(answers)
        answer = pages[link]

        def respond(route):
            if route.request.method == "POST":
                page.posted.append(json.loads(route.request.post_data))
                status, *document = remaining.pop(0)
                route.fulfill(status=status, **({"json": document[0]} if document else {}))
            else:
                route.fulfill(status=answer.status, headers=answer.headers, body=answer.body)

        page.route("**/*", respond)
        page.goto(f"{link}{fragment}")
        return page

    yield open_link
    context.close()


def test_the_button_posts_the_token_of_the_link(opened):
    page = opened("#token=qev_abc", (204,))
    assert page.posted == []
    page.get_by_role("button").click()
    expect(page.get_by_role("status")).to_contain_text("is confirmed", timeout=WAIT_MS)
    assert page.posted == [{"token": "qev_abc"}]
    assert page.refused == []
    assert page.url == LINK


def test_a_used_link_says_so(opened):
    page = opened("#token=qev_abc", (422,))
    page.get_by_role("button").click()
    expect(page.get_by_role("status")).to_contain_text("was used", timeout=WAIT_MS)
    expect(page.get_by_role("button")).to_be_hidden()


def test_an_outage_lets_one_try_again(opened):
    page = opened("#token=qev_abc", (503,), (204,))
    page.get_by_role("button").click()
    expect(page.get_by_role("status")).to_contain_text("Try again", timeout=WAIT_MS)
    page.get_by_role("button").click()
    expect(page.get_by_role("status")).to_contain_text("is confirmed", timeout=WAIT_MS)


def test_a_link_without_a_token_offers_no_button(opened):
    page = opened("")
    expect(page.get_by_role("status")).to_contain_text("not complete", timeout=WAIT_MS)
    expect(page.get_by_role("button")).to_be_hidden()


def refusal(code, message):
    return 422, {"errors": [{"code": code, "message": message}]}


def test_the_form_posts_the_token_of_the_link_and_the_password(opened):
    page = opened("#token=qpr_abc", (204,), link=RESET_LINK)
    page.get_by_label("New password").fill("quartz lamp 17 under the stairs")
    assert page.posted == []
    page.get_by_role("button").click()
    expect(page.get_by_role("status")).to_contain_text("is changed", timeout=WAIT_MS)
    expect(page.get_by_label("New password")).to_be_hidden()
    assert page.posted == [{"token": "qpr_abc", "new_password": "quartz lamp 17 under the stairs"}]
    assert page.refused == []
    assert page.url == RESET_LINK


def test_a_refused_password_may_be_replaced(opened):
    wrong = refusal("common_password", "choose another password: <b>easy</b>")
    page = opened("#token=qpr_abc", wrong, (503,), (204,), link=RESET_LINK)
    page.get_by_label("New password").fill("password1234")
    for told in ("<b>easy</b>", "Try again", "is changed"):
        page.get_by_role("button").click()
        expect(page.get_by_role("status")).to_contain_text(told, timeout=WAIT_MS)


def test_a_short_password_is_not_sent(opened):
    page = opened("#token=qpr_abc", link=RESET_LINK)
    page.get_by_label("New password").fill("short")
    page.get_by_role("button").click()
    assert page.posted == []


def test_a_used_link_to_a_new_password_says_so(opened):
    used = refusal("invalid_token", "the token is unknown, used or expired")
    page = opened("#token=qpr_abc", used, link=RESET_LINK)
    page.get_by_label("New password").fill("quartz lamp 17 under the stairs")
    page.get_by_role("button").click()
    expect(page.get_by_role("status")).to_contain_text("was used", timeout=WAIT_MS)
    expect(page.get_by_label("New password")).to_be_hidden()


def test_a_link_to_a_new_password_without_a_token_offers_no_form(opened):
    page = opened("", link=RESET_LINK)
    expect(page.get_by_role("status")).to_contain_text("not complete", timeout=WAIT_MS)
    expect(page.get_by_label("New password")).to_be_hidden()
