"""Usage plans are the tier table; their keys are secrets nobody has to see."""

import json

from infra.functions import AUTHORIZER
from infra_support import Assembly

from quant.tiers import TIERS


def test_plans_are_the_tier_table_for_the_expected_clients(assembly: Assembly) -> None:
    clients = {"local": 1, "dev": 10, "prod": 500}[assembly.config.environment]
    plans = {
        plan["UsagePlanName"]: plan for plan in assembly.properties("AWS::ApiGateway::UsagePlan")
    }
    assert len(plans) == len(TIERS)
    for tier in TIERS.values():
        plan = plans[assembly.config.name(tier.name)]
        assert plan["Throttle"] == {
            "RateLimit": min(tier.requests_per_minute / 60 * clients, 10_000),
            "BurstLimit": min(tier.burst * clients, 5_000),
        }
        assert plan["Quota"] == {"Limit": tier.monthly_quota * clients, "Period": "MONTH"}
        assert plan["Quota"]["Limit"] < 2**31
        assert len(plan["ApiStages"]) == 1


def test_each_plan_has_one_key_of_its_own(assembly: Assembly) -> None:
    links = assembly.properties("AWS::ApiGateway::UsagePlanKey")
    assert len({link["UsagePlanId"]["Ref"] for link in links}) == len(TIERS)
    assert len({link["KeyId"]["Ref"] for link in links}) == len(TIERS)
    assert len(links) == len(TIERS)


def test_each_tier_has_its_own_plan_key_and_secret(assembly: Assembly) -> None:
    plans = assembly.resources("AWS::ApiGateway::UsagePlan")
    keys = assembly.resources("AWS::ApiGateway::ApiKey")
    secrets = assembly.resources("AWS::SecretsManager::Secret")
    tiers = set()
    for link in assembly.properties("AWS::ApiGateway::UsagePlanKey"):
        plan = plans[link["UsagePlanId"]["Ref"]]["Properties"]
        key = keys[link["KeyId"]["Ref"]]["Properties"]
        secret = secrets[key["Value"]["Fn::Join"][1][1]["Ref"]]["Properties"]
        [tier] = [name for name in TIERS if plan["UsagePlanName"] == assembly.config.name(name)]
        assert key["Name"] == assembly.config.name(tier)
        assert secret["Name"] == assembly.config.secret_name(f"api-key/{tier}")
        tiers.add(tier)
    assert tiers == set(TIERS)
    assert len(plans) == len(keys) == len(TIERS)


def test_key_is_resolved_from_a_generated_secret(assembly: Assembly) -> None:
    secrets = assembly.resources("AWS::SecretsManager::Secret")
    used = set()
    for key in assembly.properties("AWS::ApiGateway::ApiKey"):
        prefix, reference, suffix = key["Value"]["Fn::Join"][1]
        assert prefix == "{{resolve:secretsmanager:"
        assert suffix == ":SecretString:::}}"
        generated = secrets[reference["Ref"]]["Properties"]["GenerateSecretString"]
        assert generated["PasswordLength"] == 64
        used.add(reference["Ref"])
    assert len(used) == len(TIERS)


def test_authorizer_knows_the_secret_of_every_tier(assembly: Assembly) -> None:
    _, function = assembly.function(AUTHORIZER)
    parts = function["Environment"]["Variables"]["QUANT_API_KEY_SECRET_ARNS"]["Fn::Join"][1]
    text = "".join(part if isinstance(part, str) else "arn" for part in parts)
    assert json.loads(text) == dict.fromkeys(TIERS, "arn")
