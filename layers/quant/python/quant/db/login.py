"""Logins to Postgres by IAM: a token that says who asks takes the password's place.

The token is a URL of RDS' action ``connect`` that is signed here and never sent as a request:
making one costs no call. It is looked at only when a connection is opened.

Source: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.Connecting.html
"""

from typing import Final

from quant import aws

# What RDS allows at most.
TOKEN_LIFETIME_S: Final = 900
_SCHEME: Final = "https://"


def login_token(host: str, port: int, user: str) -> str:
    """Return a token that opens connections as ``user`` for the next 15 minutes.

    Args:
        host: Host name of the proxy or instance, as the client asks for it.
        port: Its TCP port.
        user: Role of the database, which the caller's own role must be allowed to be
            (``rds-db:connect``).

    Raises:
        botocore.exceptions.NoCredentialsError: The process has no AWS credentials.
        botocore.exceptions.NoRegionError: The process knows no region.
    """
    # Not a client of RDS, whose model of the whole service would be read for the one signature.
    from botocore.auth import SigV4QueryAuth  # noqa: PLC0415 - slow, see quant.aws
    from botocore.awsrequest import AWSRequest  # noqa: PLC0415
    from botocore.exceptions import NoCredentialsError, NoRegionError  # noqa: PLC0415

    credentials = aws.session().get_credentials()
    if credentials is None:
        raise NoCredentialsError
    region = aws.session().get_config_variable("region")
    if region is None:
        raise NoRegionError
    request = AWSRequest(
        method="GET",
        url=f"{_SCHEME}{host}:{port}/",
        params={"Action": "connect", "DBUser": user},
    )
    # Frozen: those of Lambda are renewed while the process lives.
    SigV4QueryAuth(
        credentials.get_frozen_credentials(), "rds-db", region, expires=TOKEN_LIFETIME_S
    ).add_auth(request)
    return str(request.url).removeprefix(_SCHEME)
