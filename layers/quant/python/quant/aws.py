"""Clients of AWS APIs: one session of botocore for the process, whose connections are kept.

Importing botocore takes ten times as long as all the rest of the authorizer: it waits until
something is asked of AWS, or for the snapshot. A snapshot has clients, and no connection of theirs.
The credentials in it are Lambda's temporary ones; botocore renews them when they have expired.

Sources: https://docs.aws.amazon.com/botocore/latest/reference/config.html,
https://docs.aws.amazon.com/lambda/latest/dg/snapstart-best-practices.html
"""

from functools import cache
from typing import Any

from quant.observability.aws_calls import traced


@cache
def session() -> Any:
    """Return the process's session, which knows its credentials and region."""
    from botocore.session import get_session  # noqa: PLC0415 - see above

    return get_session()


def client(service: str, **options: Any) -> Any:
    """Return a new client of a service, whose calls are traced.

    It has the operations of the API; helpers such as those for files in S3 are boto3's.

    Args:
        service: Name of the service, as botocore has it.
        options: Of ``botocore.config.Config``.
    """
    from botocore.config import Config  # noqa: PLC0415 - see above

    # NAT gateways and proxies forget connections that say nothing for some minutes.
    config = Config(tcp_keepalive=True, **options)
    return traced(session().create_client(service, config=config))
