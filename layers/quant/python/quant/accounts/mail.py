"""E-mail through Amazon SES.

Source: https://docs.aws.amazon.com/ses/latest/APIReference/API_SendEmail.html
"""

import logging
from functools import cache
from typing import Any, Final

from quant.errors import StoreUnavailableError
from quant.settings import EmailSettings

CONNECT_TIMEOUT_S: Final = 2.0
READ_TIMEOUT_S: Final = 4.0

_logger = logging.getLogger("quant")


@cache
def _client() -> Any:
    # boto3 costs most of a second to import: only functions that send mail pay for it.
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    return boto3.client(
        "ses",
        config=Config(
            connect_timeout=CONNECT_TIMEOUT_S,
            read_timeout=READ_TIMEOUT_S,
            # A second try after a lost answer may send twice, which harms nobody.
            retries={"total_max_attempts": 2, "mode": "standard"},
        ),
    )


def send(to: str, subject: str, body: str) -> None:
    """Send a plain text mail.

    Args:
        to: A normalised address (``quant.accounts.emails``).
        subject: Subject, one line.
        body: Text.

    Raises:
        StoreUnavailableError: SES did not take the mail.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    try:
        _client().send_email(
            Source=EmailSettings().sender,
            Destination={"ToAddresses": [to]},
            Message={
                "Subject": {"Data": subject, "Charset": "UTF-8"},
                "Body": {"Text": {"Data": body, "Charset": "UTF-8"}},
            },
        )
    except (BotoCoreError, ClientError) as error:
        _logger.exception("SES did not take a mail")
        raise StoreUnavailableError("mail") from error
