"""E-mail through Amazon SES.

Sources: https://docs.aws.amazon.com/ses/latest/APIReference/API_SendEmail.html,
https://docs.aws.amazon.com/ses/latest/APIReference/API_SendRawEmail.html
"""

import logging
from collections.abc import Mapping
from email.message import EmailMessage
from functools import cache
from typing import Any, Final

from quant import aws
from quant.errors import StoreUnavailableError
from quant.settings import EmailSettings
from quant.snapstart import before_snapshot

# Name of what is unavailable where SES takes no mail.
STORE: Final = "mail"
CONNECT_TIMEOUT_S: Final = 2.0
READ_TIMEOUT_S: Final = 4.0

_logger = logging.getLogger("quant")


@cache
def _client() -> Any:
    return aws.client(
        "ses",
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        # A second try after a lost answer may send twice, which harms nobody.
        retries={"total_max_attempts": 2, "mode": "standard"},
    )


before_snapshot(_client)


def send(to: str, subject: str, body: str, headers: Mapping[str, str] | None = None) -> None:
    """Send a plain text mail.

    Args:
        to: A normalised address (``quant.accounts.emails``).
        subject: Subject, one line.
        body: Text.
        headers: Headers besides, which need the right to send raw mail.

    Raises:
        StoreUnavailableError: SES did not take the mail.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    sender = EmailSettings().sender
    try:
        if headers:
            _client().send_raw_email(
                Source=sender,
                Destinations=[to],
                RawMessage={"Data": _raw(sender, to, subject, body, headers)},
            )
        else:
            _client().send_email(
                Source=sender,
                Destination={"ToAddresses": [to]},
                Message={
                    "Subject": {"Data": subject, "Charset": "UTF-8"},
                    "Body": {"Text": {"Data": body, "Charset": "UTF-8"}},
                },
            )
    except (BotoCoreError, ClientError) as error:
        _logger.exception("SES did not take a mail")
        raise StoreUnavailableError(STORE) from error


def _raw(sender: str, to: str, subject: str, body: str, headers: Mapping[str, str]) -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, to, subject
    for name, value in headers.items():
        message[name] = value
    # Quoted-printable: lines of any length, in ASCII.
    message.set_content(body, cte="quoted-printable")
    return message.as_bytes()
