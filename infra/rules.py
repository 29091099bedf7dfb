"""What is accepted of the rules that check the templates, each with the reason (docs/adr/0029)."""

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def accept(construct: IConstruct, reason: str, *rules: str) -> None:
    """Accept that a construct breaks rules of cdk-nag.

    Args:
        construct: What breaks them, or what all that do are below.
        reason: Why that is right here.
        rules: Names of the rules, such as ``AwsSolutions-IAM5[Resource::*]``: with the finding in
            brackets where a rule has several.
    """
    Validations.of(construct).acknowledge(
        *(Acknowledgment(id=rule, reason=reason) for rule in rules)
    )
