"""The rules that check the stacks, and what is accepted of them and why (docs/adr/0029)."""

import re
from collections.abc import Iterable
from importlib.metadata import version
from typing import Final

import jsii
from aws_cdk import (
    Acknowledgment,
    App,
    IPolicyValidationContext,
    IPolicyValidationPlugin,
    PolicyValidationPluginReport,
    PolicyViolation,
    Validations,
)
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from cdk_nag import AwsSolutionsChecks
from constructs import IConstruct

PACK: Final = "AwsSolutions"

# How a finding names what another stack exports, or a resource by its hashed logical id. Both
# change with the tree; a reason must not.
_EXPORT: Final = re.compile(
    r"[\w-]+:ExportsOutput(?:Ref|FnGetAtt)(\w+?)[0-9A-F]{8}[A-Za-z]*[0-9A-F]{8}"
)
_NAME_IN_ARN: Final = re.compile(
    r'{"Fn::Select":\[6,{"Fn::Split":\[":",{"Ref":"(\w+?)[0-9A-F]{8}"}\]}\]}'
)
_REFERENCE: Final = re.compile(r"<(\w+?)[0-9A-F]{8}(?:\.\w+)?>")
_OWN_ARN: Final = re.compile(r"arn:<AWS::Partition>:([\w-]+):[\w-]*:<AWS::AccountId>:")


def accept(construct: IConstruct, reason: str, *rules: str) -> None:
    """Accept that a construct breaks rules of cdk-nag.

    Args:
        construct: What breaks them, or what all that do are below.
        reason: Why that is right here.
        rules: Names of the rules, such as ``AwsSolutions-SQS3``; where a rule has several
            findings, with the finding as ``finding`` writes it.
    """
    Validations.of(construct).acknowledge(
        *(Acknowledgment(id=f"{PACK}::{rule}", reason=reason) for rule in rules)
    )


def accept_wildcards(construct: IConstruct, reason: str, *resources: str) -> None:
    """Accept that a policy names resources with a wildcard.

    Args:
        construct: The role or policy, or what it is below.
        reason: Why no narrower resource would do.
        resources: The resources as ``finding`` writes them, such as ``<RawBucket>/raw/*``.
    """
    accept(construct, reason, *(f"AwsSolutions-IAM5[Resource::{name}]" for name in resources))


def accept_keys(role: iam.IRole, bucket: s3.IBucket, patterns: Iterable[str]) -> None:
    """Accept that a role may read or write all objects below prefixes.

    Args:
        role: The role.
        bucket: The bucket.
        patterns: What it may; those without a wildcard need no acceptance.
    """
    accept_wildcards(
        role,
        "A key holds a date, a digest or a run, which nobody knows beforehand; the prefix is all "
        "that the function needs.",
        *(f"{named(bucket)}/{pattern}" for pattern in sorted(set(patterns)) if "*" in pattern),
    )


def named(construct: IConstruct) -> str:
    """Return the name that ``finding`` gives a resource."""
    _, *path = construct.node.path.split("/")
    return f"<{''.join(path)}>"


def finding(rule: str) -> str:
    """Return the name of a rule with a finding, without what changes from one tree to another.

    A resource is ``<`` its path without the stack, run together ``>``, whichever stack it is in:
    ``AwsSolutions-IAM5[Resource::<RawBucket>/raw/*]``. An ARN in the account starts with its
    service: ``states:execution:quant-dev-backfill:*``.
    """
    for pattern in (_EXPORT, _NAME_IN_ARN, _REFERENCE):
        rule = pattern.sub(r"<\1>", rule)
    return _OWN_ARN.sub(r"\1:", rule)


def check(app: App) -> None:
    """Check an app by the rules whenever it is synthesised."""
    Validations.of(app).add_plugins(_AwsSolutions(app))


@jsii.implements(IPolicyValidationPlugin)
class _AwsSolutions:
    """cdk-nag's pack for the Well-Architected Framework, whose findings have lasting names.

    https://github.com/cdklabs/cdk-nag/blob/main/RULES.md#awssolutions
    """

    def __init__(self, app: App):
        self._app = app
        self._pack = AwsSolutionsChecks()

    @property
    def name(self) -> str:
        return PACK

    @property
    def version(self) -> str:
        return version("cdk-nag")

    @property
    def rule_ids(self) -> None:
        return None

    def validate(self, context: IPolicyValidationContext) -> PolicyValidationPluginReport:  # noqa: ARG002 - jsii's name
        """Return what breaks the rules; CDK leaves out what is acknowledged."""
        found = self._pack.validate_scope(self._app)
        return PolicyValidationPluginReport(
            success=found.success, violations=list(_renamed(found.violations))
        )


def _renamed(violations: Iterable[PolicyViolation]) -> Iterable[PolicyViolation]:
    for violation in violations:
        yield PolicyViolation(
            rule_name=finding(violation.rule_name),
            description=violation.description,
            severity=violation.severity,
            violating_resources=violation.violating_resources,
        )
