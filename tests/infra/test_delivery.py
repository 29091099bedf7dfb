"""Whom the roles of delivery trust, and what these may."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from aws_cdk import App, Environment
from aws_cdk.assertions import Template
from infra.config import REGION, config
from infra.stacks.delivery import DeliveryStack
from infra_support import as_list

REPOSITORY = "example/quant-analytics-platform"
PROVIDER = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
ISSUER = "token.actions.githubusercontent.com"


@cache
def resources(environment: str, provider: str | None = None) -> Mapping[str, Any]:
    settings = replace(config(environment, {}.get), oidc_provider=provider)
    stack = DeliveryStack(
        App(), "Delivery", config=settings, repository=REPOSITORY, env=Environment(region=REGION)
    )
    found: Mapping[str, Any] = Template.from_stack(stack).to_json()["Resources"]
    return found


def role(environment: str, name: str, provider: str | None = None) -> dict[str, Any]:
    [found] = [
        resource["Properties"]
        for resource in resources(environment, provider).values()
        if resource["Type"] == "AWS::IAM::Role"
        and resource["Properties"]["RoleName"] == f"quant-{environment}-{name}"
    ]
    return found


def allowed(environment: str, name: str) -> dict[str, list[Any]]:
    """Return the resources that a role's policies allow each action on."""
    found: dict[str, list[Any]] = {}
    for resource in resources(environment).values():
        if resource["Type"] != "AWS::IAM::Policy":
            continue
        [reference] = resource["Properties"]["Roles"]
        if resources(environment)[reference["Ref"]]["Properties"] != role(environment, name):
            continue
        for statement in resource["Properties"]["PolicyDocument"]["Statement"]:
            assert statement["Effect"] == "Allow"
            for action in as_list(statement["Action"]):
                found.setdefault(action, []).extend(as_list(statement["Resource"]))
    return found


def bootstrap(*names: str) -> list[dict[str, str]]:
    return [
        {
            "Fn::Sub": f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/cdk-hnb659fds-{name}"
            "-role-${AWS::AccountId}-${AWS::Region}"
        }
        for name in names
    ]


@pytest.mark.parametrize("environment", ["dev", "prod"])
@pytest.mark.parametrize(
    ("name", "subject"), [("deploy", "environment:{}"), ("diff", "pull_request")]
)
def test_one_subject_of_the_repository_is_trusted(
    environment: str, name: str, subject: str
) -> None:
    [statement] = role(environment, name)["AssumeRolePolicyDocument"]["Statement"]
    assert statement == {
        "Effect": "Allow",
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": {"Federated": {"Fn::GetAtt": ["GitHub", "Arn"]}},
        # Equal, not alike: a wildcard would let in branches and forks.
        "Condition": {
            "StringEquals": {
                f"{ISSUER}:aud": "sts.amazonaws.com",
                f"{ISSUER}:sub": f"repo:{REPOSITORY}:{subject.format(environment)}",
            }
        },
    }
    assert "ManagedPolicyArns" not in role(environment, name)


def test_deployment_takes_on_the_roles_of_bootstrap_alone() -> None:
    names = ("deploy", "file-publishing", "image-publishing", "lookup")
    assert allowed("prod", "deploy") == {
        "sts:AssumeRole": bootstrap(*names),
        # Which has no narrower resource; `quant config check` asks it.
        "lambda:ListFunctions": ["*"],
    }


def test_comparison_only_looks() -> None:
    assert allowed("prod", "diff") == {"sts:AssumeRole": bootstrap("lookup")}


def test_an_account_has_one_provider() -> None:
    [made] = [
        resource["Properties"]
        for resource in resources("dev").values()
        if resource["Type"] == "AWS::IAM::OIDCProvider"
    ]
    assert made == {"Url": f"https://{ISSUER}", "ClientIdList": ["sts.amazonaws.com"]}
    elsewhere = resources("prod", PROVIDER)
    assert not [each for each in elsewhere.values() if each["Type"] == "AWS::IAM::OIDCProvider"]
    [statement] = role("prod", "deploy", PROVIDER)["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Federated": PROVIDER}


def test_the_context_names_repository_and_provider() -> None:
    context = {"repository": REPOSITORY, "oidc_provider": PROVIDER}
    settings = config("dev", context.get)
    assert (settings.repository, settings.oidc_provider) == (REPOSITORY, PROVIDER)
    assert config("dev", {}.get).repository is None
