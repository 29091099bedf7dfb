"""Answers to CloudFormation, which waits for them at a URL of S3 that it has signed.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html
"""

import json
import time
import urllib.request
from collections.abc import Mapping
from typing import Any, Final

# The one resource of its kind: another id would tell CloudFormation that it was replaced.
PHYSICAL_ID: Final = "schema"

_TRIES: Final = 4
_TIMEOUT_S: Final = 5.0
# Of 4096 bytes that an answer may have in all.
_REASON_CHARACTERS: Final = 1000


def answer(
    event: Mapping[str, Any], *, failure: str | None = None, data: Mapping[str, str] | None = None
) -> None:
    """Tell CloudFormation how its request ended.

    Args:
        event: The request.
        failure: Why it failed; ``None`` if it did not.
        data: Attributes of the resource.

    Raises:
        OSError: S3 did not take the answer, several times.
    """
    body = json.dumps(
        {
            "Status": "SUCCESS" if failure is None else "FAILED",
            "Reason": (failure or "done")[:_REASON_CHARACTERS],
            "PhysicalResourceId": event.get("PhysicalResourceId", PHYSICAL_ID),
            "StackId": event["StackId"],
            "RequestId": event["RequestId"],
            "LogicalResourceId": event["LogicalResourceId"],
            "Data": dict(data or {}),
        }
    ).encode()
    for pause in (*(2.0**n for n in range(_TRIES - 1)), None):
        try:
            _put(event["ResponseURL"], body)
        except OSError:
            if pause is None:
                raise
            time.sleep(pause)
        else:
            return


def _put(url: str, body: bytes) -> None:
    # The signature covers an empty content type.
    request = urllib.request.Request(  # noqa: S310 - from CloudFormation, which may invoke us
        url, data=body, method="PUT", headers={"Content-Type": ""}
    )
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S):  # noqa: S310 - likewise
        pass
