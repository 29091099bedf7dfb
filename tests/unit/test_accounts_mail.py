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


def test_a_mail_that_is_not_taken_is_unavailability(ses):
    with pytest.raises(StoreUnavailableError, match="mail"):
        mail.send("ada@example.org", "Subject", "Body")
