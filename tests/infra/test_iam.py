"""Who may do what: least privilege, no long-lived keys, no trust without a condition."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from infra_support import Assembly, as_list, text_of

Statement = dict[str, Any]

# Actions that an identity may have on "*", each with the reason. Whoever adds one says why here and
# accepts the finding of cdk-nag at the construct (infra/rules.py).
UNBOUNDED = {
    "cloudwatch:DescribeAlarms": "tells of some to those alone who may ask for all",
    "cloudwatch:GetMetricData": "knows no resources",
    "ec2:AssignPrivateIpAddresses": "Lambda refuses a role that narrows it to interfaces",
    "ec2:CreateNetworkInterface": "Lambda refuses a role that narrows it to subnets",
    "ec2:DeleteNetworkInterface": "Lambda refuses a role that narrows it to interfaces",
    "ec2:DescribeNetworkInterfaces": "knows no resources",
    "ec2:DescribeSubnets": "knows no resources",
    "ec2:UnassignPrivateIpAddresses": "Lambda refuses a role that narrows it to interfaces",
    "ecr:GetAuthorizationToken": "knows no resources",
    "events:ListRules": "knows no resources",
    "kms:CreateGrant": "for AWS Backup, on keys of two aliases, by a condition",
    "kms:DescribeKey": "the key of a copy is in another region, under an identifier of its own",
    "s3:ListAllMyBuckets": "knows no resources",
    "tag:GetResources": "knows no resources",
    "xray:GetSamplingRules": "knows no resources",
    "xray:GetSamplingTargets": "knows no resources",
    "xray:PutTelemetryRecords": "knows no resources",
    "xray:PutTraceSegments": "knows no resources",
}

# "*", or an ARN whose every name is: "arn:aws:s3:::*", "arn:aws:states:us-east-1:123:execution:*".
_EVERYTHING = re.compile(
    r"\*|arn:[^:]*:s3:::\*(/\*)?|arn:[^:]*:(?!s3:)[\w-]+:[^:]*:[^:]*:([\w-]+[:/])?\*(:\*)?"
)

# Wildcards in the policy of a key: all rights for its account, and pairs of actions that belong
# together. https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
KEY_WIDE = {"kms:*", "kms:GenerateDataKey*", "kms:ReEncrypt*"}

# What is a policy of a resource, by the property that has its document.
RESOURCE_POLICIES = {
    "AWS::S3::BucketPolicy": "PolicyDocument",
    "AWS::SQS::QueuePolicy": "PolicyDocument",
    "AWS::SNS::TopicPolicy": "PolicyDocument",
    "AWS::KMS::Key": "KeyPolicy",
    "AWS::SecretsManager::ResourcePolicy": "ResourcePolicy",
    "AWS::Backup::BackupVault": "AccessPolicy",
    "AWS::EC2::VPCEndpoint": "PolicyDocument",
    "AWS::ApiGateway::RestApi": "Policy",
}


def _resources(assembly: Assembly) -> Iterator[tuple[str, dict[str, Any]]]:
    for stack, template in assembly.templates.items():
        for name, resource in template["Resources"].items():
            yield f"{stack}/{name}", resource


def _identity_statements(assembly: Assembly) -> Iterator[tuple[str, Statement]]:
    """Yield every statement of an identity's policy, with whose it is."""
    for name, resource in _resources(assembly):
        properties = resource.get("Properties", {})
        match resource["Type"]:
            case "AWS::IAM::Policy" | "AWS::IAM::ManagedPolicy" | "AWS::IAM::RolePolicy":
                documents = [properties["PolicyDocument"]]
            case "AWS::IAM::Role":
                documents = [item["PolicyDocument"] for item in properties.get("Policies", ())]
            case _:
                continue
        for document in documents:
            for statement in as_list(document["Statement"]):
                yield name, statement


def _resource_statements(assembly: Assembly) -> Iterator[tuple[str, Statement]]:
    """Yield every statement of a resource's own policy, with whose it is."""
    for name, resource in _resources(assembly):
        document = resource.get("Properties", {}).get(RESOURCE_POLICIES.get(resource["Type"], ""))
        if isinstance(document, str):
            document = json.loads(document)
        for statement in as_list((document or {}).get("Statement", [])):
            yield name, statement


def _is_everything(resource: str) -> bool:
    return _EVERYTHING.fullmatch(re.sub(r"<AWS::(\w+)>", r"\1", resource)) is not None


def _covers_everything(statement: Statement) -> bool:
    return any(_is_everything(text_of(resource)) for resource in as_list(statement["Resource"]))


def _is_of_key(assembly: Assembly, name: str) -> bool:
    stack, _, logical_id = name.partition("/")
    kind: str = assembly.templates[stack]["Resources"][logical_id]["Type"]
    return kind == "AWS::KMS::Key"


def test_no_action_has_a_wildcard(assembly: Assembly) -> None:
    statements = [*_identity_statements(assembly), *_resource_statements(assembly)]
    assert len(statements) > 100
    wide = {
        (name, action)
        for name, statement in statements
        if statement["Effect"] == "Allow"
        for action in as_list(statement["Action"])
        if "*" in action and (action not in KEY_WIDE or not _is_of_key(assembly, name))
    }
    assert not wide


def test_nothing_is_allowed_by_what_it_is_not(assembly: Assembly) -> None:
    for name, statement in [*_identity_statements(assembly), *_resource_statements(assembly)]:
        negated = {key for key in statement if key.startswith("Not")}
        assert not negated or statement["Effect"] == "Deny", name


def test_only_actions_with_a_reason_cover_all_resources(assembly: Assembly) -> None:
    unexplained = {
        (name, action)
        for name, statement in _identity_statements(assembly)
        if statement["Effect"] == "Allow" and _covers_everything(statement)
        for action in as_list(statement["Action"])
        if action not in UNBOUNDED
    }
    assert not unexplained, "narrow the resource, or give the reason in UNBOUNDED"


def test_every_reason_is_of_an_action_in_use(assemble: Callable[[str], Assembly]) -> None:
    used = {
        action
        for environment in ("dev", "prod")
        for _, statement in _identity_statements(assemble(environment))
        if statement["Effect"] == "Allow" and _covers_everything(statement)
        for action in as_list(statement["Action"])
    }
    assert used == set(UNBOUNDED)


def test_everybody_is_at_most_denied(assembly: Assembly) -> None:
    """No policy of a resource allows anonymous callers, nor any account, without a condition."""
    for name, statement in _resource_statements(assembly):
        principal = statement.get("Principal", {})
        everybody = principal == "*" or "*" in as_list(dict(principal).get("AWS", ()))
        if everybody and statement["Effect"] == "Allow":
            assert statement.get("Condition"), name


def test_key_policies_give_all_rights_to_the_account_alone(aws_assembly: Assembly) -> None:
    for name, statement in _resource_statements(aws_assembly):
        if "kms:*" in as_list(statement["Action"]):
            assert text_of(statement["Principal"]["AWS"]).endswith(":root"), name


def test_there_are_no_users_and_no_keys(assembly: Assembly) -> None:
    kinds = {resource["Type"] for _, resource in _resources(assembly)}
    assert not kinds & {
        "AWS::IAM::AccessKey",
        "AWS::IAM::Group",
        "AWS::IAM::User",
        "AWS::IAM::UserToGroupAddition",
    }


def _trusts(assembly: Assembly) -> list[tuple[str, Statement]]:
    return [
        (name, statement)
        for name, resource in _resources(assembly)
        if resource["Type"] == "AWS::IAM::Role"
        for statement in as_list(resource["Properties"]["AssumeRolePolicyDocument"]["Statement"])
    ]


def test_roles_trust_a_service_or_conditioned_tokens(assembly: Assembly) -> None:
    trusts = _trusts(assembly)
    assert trusts
    for name, trust in trusts:
        assert trust["Effect"] == "Allow", name
        [(kind, principal)] = trust["Principal"].items()
        if kind == "Service":
            assert text_of(principal).endswith(".amazonaws.com"), name
            continue
        assert kind == "Federated", f"{name} trusts {kind}"
        assert trust["Action"] == "sts:AssumeRoleWithWebIdentity", name
        conditions = trust["Condition"]
        keys = {key.rpartition(":")[2] for tests in conditions.values() for key in tests}
        assert {"aud", "sub"} <= keys, f"{name} admits tokens of any audience or subject"
        # A repository, at least: "repo:*" would be everybody's.
        for subject in _subjects(conditions):
            assert not subject.startswith(("*", "repo:*")), name


def _subjects(conditions: dict[str, dict[str, Any]]) -> Iterator[str]:
    for tests in conditions.values():
        for key, value in tests.items():
            if key.endswith(":sub"):
                yield from map(text_of, as_list(value))


@pytest.mark.parametrize(
    ("resource", "everything"),
    [
        ("*", True),
        ("arn:aws:s3:::*", True),
        ("arn:<AWS::Partition>:states:us-east-1:1:execution:*", True),
        ("arn:aws:logs:us-east-1:1:log-group:*:*", True),
        ("arn:aws:s3:::*/*", True),
        ("arn:aws:s3:::quant-dev-raw-1/*", False),
        ("arn:aws:states:us-east-1:1:execution:quant-dev-backfill:*", False),
        ("<RawBucket>/raw/*", False),
    ],
)
def test_what_covers_everything_is_recognised(resource: str, *, everything: bool) -> None:
    assert _is_everything(resource) is everything
