"""Mail of the local cloud: LocalStack keeps what is sent, at ``/_aws/ses``."""

from collections.abc import Mapping

from supervisor.deploy import Endpoints


def allow_sender(endpoints: Endpoints, outputs: Mapping[str, str]) -> None:
    """Make the sender's domain an identity of SES, which LocalStack's CloudFormation cannot."""
    sender = outputs.get("EmailSender")
    if sender:
        domain = sender.partition("@")[2]
        endpoints.client("ses").verify_domain_identity(Domain=domain)
