"""Read secrets from AWS Secrets Manager.

Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
"""

import re
from functools import cache
from typing import Any

from quant import aws
from quant.snapstart import before_snapshot


class SecretStr:
    """A secret that does not show itself where it is printed or logged."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def get_secret_value(self) -> str:
        """Return the secret itself."""
        return self._value

    def __repr__(self) -> str:
        return "SecretStr(***)"


@cache
def _client() -> Any:
    return aws.client("secretsmanager")


before_snapshot(_client)


def is_secret(secret_id: str, arn: str) -> bool:
    """Say whether ``secret_id`` names the secret of a full ARN, by that ARN or by its name.

    The ARN of a secret ends with its name, a hyphen and six random characters.
    """
    name = arn.rpartition(":secret:")[2]
    return secret_id in {arn, re.sub(r"-[A-Za-z0-9]{6}$", "", name)}


def read_secret(secret_id: str) -> str:
    """Return the current string value of a secret.

    Args:
        secret_id: ARN or name of the secret.

    Raises:
        botocore.exceptions.ClientError: The secret is missing or may not be read.
    """
    # The stage is the default; LocalStack, if not told, answers with a version rotated out.
    answer = _client().get_secret_value(SecretId=secret_id, VersionStage="AWSCURRENT")
    value: str = answer["SecretString"]
    return value


def write_secret(secret_id: str, value: str) -> None:
    """Store ``value`` as the new current version of a secret.

    Raises:
        botocore.exceptions.ClientError: The secret is missing or may not be written.
    """
    _client().put_secret_value(SecretId=secret_id, SecretString=value)
