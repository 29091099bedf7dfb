from email import message_from_string, policy

import boto3
import pytest
from moto import mock_aws

from quant.accounts import mail
from quant.errors import StoreUnavailableError

SENDER = "no-reply@quant.example"


@pytest.fixture
def ses(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("QUANT_EMAIL_SENDER", SENDER)
    monkeypatch.setenv("QUANT_PUBLIC_URL", "https://quant.example")
    mail._client.cache_clear()
    with mock_aws():
        yield boto3.client("ses")
    mail._client.cache_clear()


def test_a_mail_goes_out_from_our_address(ses):
    from moto.core import DEFAULT_ACCOUNT_ID
    from moto.ses.models import ses_backends

    ses.verify_email_identity(EmailAddress=SENDER)
    mail.send("ada@example.org", "Subject", "Body with \u20ac")
    [sent] = ses_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].sent_messages
    assert sent.source == SENDER
    assert sent.destinations["ToAddresses"] == ["ada@example.org"]
    assert (sent.subject, sent.body) == ("Subject", "Body with \u20ac")


def test_a_mail_may_have_headers_of_its_own(ses):
    from moto.core import DEFAULT_ACCOUNT_ID
    from moto.ses.models import ses_backends

    ses.verify_email_identity(EmailAddress=SENDER)
    body = "Body with \u20ac, " + "long " * 400 + "\n.\nFrom here\n"
    mail.send("ada@example.org", "Subject", body, {"List-Unsubscribe": "<https://quant.example>"})
    [sent] = ses_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].sent_messages
    # moto counts the recipient of the envelope and that of the header.
    assert (sent.source, set(sent.destinations)) == (SENDER, {"ada@example.org"})
    message = message_from_string(sent.raw_data, policy=policy.default)
    assert message["List-Unsubscribe"] == "<https://quant.example>"
    assert (message["From"], message["To"], message["Subject"]) == (
        SENDER,
        "ada@example.org",
        "Subject",
    )
    assert message.get_content() == body
    assert max(map(len, sent.raw_data.splitlines())) <= 78


def test_a_mail_that_is_not_taken_is_unavailability(ses):
    with pytest.raises(StoreUnavailableError, match="mail"):
        mail.send("ada@example.org", "Subject", "Body")
