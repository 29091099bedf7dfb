import json
import secrets
import string

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner

from quant.cli import app as quant_command
from quant.config_check import Severity, check_secrets, check_variables, union
from quant.keys import KeyRing, published
from quant.strength import weakness
from quant.tokens import SigningKey


def arn(name):
    return f"arn:aws:secretsmanager:us-east-1:000000000000:secret:quant/prod/{name}-AbCdEf"


GOOD = {
    "QUANT_ENVIRONMENT": "prod",
    "QUANT_DATABASE_HOST": "database.example.internal",
    "QUANT_DATABASE_PORT": "5432",
    "QUANT_DATABASE_AUTH": "iam",
    "QUANT_DATABASE_USER": "quant_app",
    "QUANT_DATABASE_OWNER_USER": "quant_admin",
    "QUANT_VALKEY_HOST": "cache.example.internal",
    "QUANT_VALKEY_PORT": "6379",
    "QUANT_VALKEY_SECRET_ARN": arn("valkey"),
    "QUANT_TOKEN_ISSUER": "https://auth.example.org",
    "QUANT_TOKEN_AUDIENCE": "quant-api",
    "QUANT_TOKEN_JWKS_SECRET_ARN": arn("jwks"),
    "QUANT_TOKEN_SIGNING_KEY_SECRET_ARN": arn("signing"),
    "QUANT_API_KEY_SECRET_ARNS": json.dumps(
        {tier: arn(tier) for tier in ("free", "basic", "premium")}
    ),
    "QUANT_AUDIT_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/000000000000/audit",
    "QUANT_AUDIT_ANCHOR_BUCKET": "audit-anchors",
    "QUANT_EMAIL_SENDER": "Quant <no-reply@example.org>",
    "QUANT_PUBLIC_URL": "https://api.example.org/prod",
    "QUANT_RAW_BUCKET": "quant-prod-raw-000000000000",
    "QUANT_COLLECTOR_CONTACT": "data@example.org",
    "QUANT_FETCH_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/000000000000/fetch",
    "QUANT_REPORTS_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/000000000000/reports",
    "QUANT_DELIVERIES_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/000000000000/deliveries",
    "QUANT_EVENT_BUS_NAME": "quant-prod-pipeline",
    "QUANT_WEBHOOK_SECRET_ARN": arn("webhook"),
    "QUANT_EXPORT_BUCKET": "quant-prod-exports-000000000000",
    "QUANT_EXPORTS_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/000000000000/exports",
    "QUANT_ML_BUCKET": "quant-prod-ml-000000000000",
    "QUANT_TRACKING_URI": "https://tracking.example.org",
    "QUANT_TRACKING_SIGNED": "true",
    "QUANT_CORS_ORIGINS": '["https://app.example.org"]',
    "POWERTOOLS_LOG_LEVEL": "INFO",
}

# What opens the database where IAM does not.
PASSWORDS = {
    "QUANT_DATABASE_AUTH": "password",
    "QUANT_DATABASE_SECRET_ARN": arn("database"),
    "QUANT_DATABASE_OWNER_SECRET_ARN": arn("database-admin"),
}


def found(changes):
    variables = {**GOOD, **changes}
    return {
        (finding.variable, finding.code)
        for finding in check_variables({k: v for k, v in variables.items() if v is not None})
    }


def test_a_good_configuration_has_nothing_wrong():
    assert check_variables(GOOD) == []


@pytest.mark.parametrize(
    "variable",
    sorted(
        GOOD.keys()
        - {
            "QUANT_CORS_ORIGINS",
            "QUANT_DATABASE_AUTH",
            "QUANT_TRACKING_SIGNED",
            "POWERTOOLS_LOG_LEVEL",
        }
    ),
)
def test_a_missing_variable_is_named(variable):
    assert (variable, "missing") in found({variable: None})


def test_optional_variables_may_be_missing():
    assert found({"QUANT_CORS_ORIGINS": None, "POWERTOOLS_LOG_LEVEL": None}) == set()


@pytest.mark.parametrize(
    ("variable", "value", "code"),
    [
        ("QUANT_ENVIRONMENT", "production", "invalid"),
        ("QUANT_DATABASE_PORT", "0", "invalid"),
        ("QUANT_DATABASE_PORT", "five", "invalid"),
        ("QUANT_DATABASE_HOST", "", "invalid"),
        ("QUANT_DATABASE_HOST", "host ", "invalid"),
        ("QUANT_DATABASE_HOST", "127.0.0.1", "local"),
        ("QUANT_VALKEY_HOST", "localhost", "local"),
        ("QUANT_DATABASE_TLS", "false", "tls"),
        ("QUANT_VALKEY_TLS", "0", "tls"),
        ("QUANT_DATABASE_AUTH", "password", "password"),
        ("QUANT_DATABASE_AUTH", "none", "invalid"),
        ("QUANT_DATABASE_SECRET_ARN", "quant/prod/database", "arn"),
        ("QUANT_DATABASE_SECRET_ARN", arn("database"), "unused"),
        ("QUANT_VALKEY_SECRET_ARN", "white space", "invalid"),
        ("QUANT_TOKEN_ISSUER", "http://auth.example.org", "invalid"),
        ("QUANT_TOKEN_ISSUER", "https://user:pass@auth.example.org", "invalid"),
        ("QUANT_TOKEN_LIFETIME_S", "86400", "invalid"),
        ("QUANT_API_KEY_SECRET_ARNS", "{", "invalid"),
        ("QUANT_API_KEY_SECRET_ARNS", '{"free": "x"}', "arn"),
        ("QUANT_AUDIT_QUEUE_URL", "http://sqs.example.org/1/audit", "https"),
        ("QUANT_AUDIT_QUEUE_URL", "audit", "invalid"),
        ("QUANT_FETCH_QUEUE_URL", "http://sqs.example.org/1/fetch", "https"),
        ("QUANT_REPORTS_QUEUE_URL", "http://localhost:4566/1/reports", "local"),
        ("QUANT_EXPORTS_QUEUE_URL", "http://sqs.example.org/1/exports", "https"),
        ("QUANT_COLLECTOR_HOUSE_URL", "http://127.0.0.1:8000", "local"),
        ("QUANT_COLLECTOR_SENATE_URL", "efdsearch.senate.gov", "invalid"),
        ("QUANT_COLLECTOR_REQUESTS_PER_SECOND", "0", "invalid"),
        ("QUANT_EMAIL_SENDER", "nobody", "invalid"),
        ("QUANT_PUBLIC_URL", "http://api.example.org", "https"),
        ("QUANT_PUBLIC_URL", "https://localhost/prod", "local"),
        ("QUANT_PUBLIC_URL", "https://api.example.org/?x=1", "invalid"),
        ("QUANT_CORS_ORIGINS", '["*"]', "wildcard"),
        ("QUANT_CORS_ORIGINS", '["https://*.example.org"]', "wildcard"),
        ("QUANT_CORS_ORIGINS", '["http://localhost:3000"]', "local"),
        ("QUANT_CORS_ORIGINS", "https://app.example.org", "invalid"),
        ("QUANT_PASSWORD_MEMORY_KIB", "64", "invalid"),
        ("POWERTOOLS_LOG_LEVEL", "debug", "debug"),
        ("LOG_LEVEL", "DEBUG", "debug"),
        ("POWERTOOLS_DEV", "true", "debug"),
        ("POWERTOOLS_LOGGER_LOG_EVENT", "1", "debug"),
        ("AWS_ENDPOINT_URL", "http://localhost:4566", "local"),
        ("QUANT_DATABASE_PASSWORD", "hunter2", "secret"),
        ("QUANT_DATABASE_HOTS", "typo", "unknown"),
    ],
)
def test_a_wrong_variable_is_named(variable, value, code):
    names = {name for name, rule in found({variable: value}) if rule == code}
    assert names & {variable, f"{'_'.join(variable.split('_')[:2])}_*"}


def test_passwords_need_their_secrets_and_no_role():
    without = {**GOOD, **PASSWORDS, "QUANT_ENVIRONMENT": "local"}
    del without["QUANT_DATABASE_USER"], without["QUANT_DATABASE_OWNER_USER"]
    assert check_variables(without) == []
    for variable in ("QUANT_DATABASE_SECRET_ARN", "QUANT_DATABASE_OWNER_SECRET_ARN"):
        names = {k: v for k, v in without.items() if k != variable}
        assert [(f.variable, f.code) for f in check_variables(names)] == [(variable, "missing")]


def test_what_is_wrong_in_production_may_be_right_elsewhere():
    assert found({"QUANT_ENVIRONMENT": "dev", "POWERTOOLS_LOG_LEVEL": "DEBUG"}) == set()
    local = {
        "QUANT_ENVIRONMENT": "local",
        "QUANT_DATABASE_HOST": "127.0.0.1",
        "QUANT_DATABASE_TLS": "false",
        "QUANT_DATABASE_AUTH": "password",
        "QUANT_DATABASE_SECRET_ARN": "quant/local/database",
        "QUANT_DATABASE_OWNER_SECRET_ARN": "quant/local/database-admin",
        "QUANT_PUBLIC_URL": "http://localhost:4566",
        "QUANT_AUDIT_QUEUE_URL": "http://localhost:4566/000000000000/audit",
        "QUANT_FETCH_QUEUE_URL": "http://localhost:4566/000000000000/fetch",
        "QUANT_CORS_ORIGINS": '["http://localhost:3000"]',
        "AWS_ENDPOINT_URL": "http://localhost:4566",
    }
    assert found(local) == set()


def test_checking_leaves_the_environment_alone(monkeypatch):
    monkeypatch.setenv("QUANT_DATABASE_HOST", "mine")
    check_variables(GOOD)
    import os

    assert os.environ["QUANT_DATABASE_HOST"] == "mine"
    assert ("QUANT_DATABASE_HOST", "missing") in found({"QUANT_DATABASE_HOST": None})


ALPHANUMERIC = string.ascii_letters + string.digits


@pytest.mark.parametrize(
    "generate",
    [
        lambda: secrets.token_hex(32),
        lambda: secrets.token_hex(32).upper(),
        lambda: secrets.token_urlsafe(32),
        lambda: secrets.token_urlsafe(48),
        lambda: "".join(secrets.choice(ALPHANUMERIC) for _ in range(64)),
        lambda: "".join(secrets.choice(ALPHANUMERIC + string.punctuation) for _ in range(44)),
    ],
)
def test_generated_secrets_are_strong(generate):
    assert [weakness(secret) for secret in (generate() for _ in range(300))] == [None] * 300


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "changeme",
        "secret",
        "test",
        pytest.param(secrets.token_urlsafe(16), id="16 bytes"),
        pytest.param(secrets.token_hex(16), id="16 bytes in hex"),
        "a" * 64,
        "changeme" * 8,
        "ChangeMe-please-ChangeMe-please-ChangeMe-please",
        "my-secret-password-for-the-test-database-1234567890",
        "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "0123456789" * 6,
        pytest.param(secrets.token_hex(8) * 4, id="repeated"),
        pytest.param(secrets.token_hex(8) * 5 + "0a", id="repeated in part"),
        "01" * 40,
        "thequickbrownfoxjumpsoverthelazydogthequick",
        "qwertyuiopasdfghjklzxcvbnmqwertyuiopasdfghjklzxcvbnm",
    ],
)
def test_weak_secrets_are_refused(secret):
    assert weakness(secret) is not None


def strong():
    return secrets.token_urlsafe(48)


def vault(**changes):
    ring = KeyRing.generate()
    values = {
        "database": json.dumps({"username": "quant_app", "password": strong()}),
        "database-admin": json.dumps({"username": "quant_admin", "password": strong()}),
        "valkey": json.dumps({"username": "quant_app", "password": strong()}),
        "signing": ring.to_json(),
        "jwks": json.dumps({"keys": published([], ring, 0)}),
        "webhook": strong(),
        "free": strong(),
        "basic": strong(),
        "premium": strong(),
        **changes,
    }
    return {arn(name): value for name, value in values.items()}


def found_in(secret_values, **variables):
    findings = check_secrets({**GOOD, **PASSWORDS, **variables}, secret_values.__getitem__)
    return {(finding.variable, finding.code, finding.severity) for finding in findings}


def test_good_secrets_have_nothing_wrong():
    assert found_in(vault()) == set()


SHARED = strong()
EXAMPLE = SigningKey(
    "example",
    # RFC 8037, appendix A.1, as PKCS 8.
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
    "-----END PRIVATE KEY-----\n",
)
EXAMPLE_RING = KeyRing(EXAMPLE, SigningKey.generate())


@pytest.mark.parametrize(
    ("changes", "variable", "code"),
    [
        (
            {"database": '{"username": "quant_app", "password": "changeme"}'},
            "QUANT_DATABASE_SECRET_ARN",
            "weak",
        ),
        (
            {"database": json.dumps({"username": "postgres", "password": strong()})},
            "QUANT_DATABASE_SECRET_ARN",
            "default",
        ),
        ({"database": "{}"}, "QUANT_DATABASE_SECRET_ARN", "invalid"),
        (
            {"database-admin": json.dumps({"username": "quant_admin", "password": "x" * 64})},
            "QUANT_DATABASE_OWNER_SECRET_ARN",
            "weak",
        ),
        (
            {"valkey": json.dumps({"username": "x", "password": "x" * 64})},
            "QUANT_VALKEY_SECRET_ARN",
            "weak",
        ),
        ({"free": "demo-key"}, "QUANT_API_KEY_SECRET_ARNS", "weak"),
        ({"webhook": "changeme"}, "QUANT_WEBHOOK_SECRET_ARN", "weak"),
        ({"free": SHARED, "basic": SHARED}, "QUANT_API_KEY_SECRET_ARNS", "shared"),
        ({"signing": '{"keys": []}'}, "QUANT_TOKEN_SIGNING_KEY_SECRET_ARN", "missing"),
        ({"signing": "x"}, "QUANT_TOKEN_SIGNING_KEY_SECRET_ARN", "invalid"),
        ({"jwks": '{"keys": []}'}, "QUANT_TOKEN_JWKS_SECRET_ARN", "unpublished"),
        (
            {
                "signing": EXAMPLE_RING.to_json(),
                "jwks": json.dumps({"keys": published([], EXAMPLE_RING, 0)}),
            },
            "QUANT_TOKEN_SIGNING_KEY_SECRET_ARN",
            "default",
        ),
    ],
)
def test_a_bad_secret_is_named(changes, variable, code):
    assert found_in(vault(**changes)) == {(variable, code, Severity.ERROR)}


def test_a_missing_secret_and_a_missing_tier_are_named():
    without = vault()
    del without[arn("valkey")]
    assert found_in(without) == {("QUANT_VALKEY_SECRET_ARN", "unreadable", Severity.ERROR)}
    tiers = json.dumps({"free": arn("free"), "basic": arn("basic")})
    assert found_in(vault(), QUANT_API_KEY_SECRET_ARNS=tiers) == {
        ("QUANT_API_KEY_SECRET_ARNS", "missing", Severity.ERROR)
    }


def test_weak_local_secrets_are_warnings():
    assert found_in(vault(free="demo-key"), QUANT_ENVIRONMENT="local") == {
        ("QUANT_API_KEY_SECRET_ARNS", "weak", Severity.WARNING)
    }


def test_functions_that_contradict_each_other_are_named():
    shares = {"QUANT_FALLBACK_SHARE": "4"}, {"QUANT_FALLBACK_SHARE": "8"}
    together, findings = union({"a": {**GOOD, **shares[0]}, "b": {**GOOD, **shares[1]}})
    assert findings == []
    assert check_variables(together) == []
    _, findings = union({"a": GOOD, "b": {**GOOD, "QUANT_DATABASE_NAME": "x"}, "c": GOOD})
    assert findings == []
    _, findings = union({"a": GOOD, "b": {**GOOD, "QUANT_DATABASE_HOST": "other"}})
    assert [(f.variable, f.code) for f in findings] == [("QUANT_DATABASE_HOST", "contradiction")]
    _, findings = union({})
    assert findings


@pytest.fixture
def command(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    import quant.secrets

    quant.secrets._client.cache_clear()
    with mock_aws():
        client = boto3.client("secretsmanager")
        for name, value in vault(free="a-secret-that-must-not-show").items():
            client.create_secret(Name=name, SecretString=value)
        for name, value in GOOD.items():
            monkeypatch.setenv(name, value)
        yield lambda *arguments: CliRunner().invoke(quant_command, ["config", "check", *arguments])
    quant.secrets._client.cache_clear()


def test_the_command_fails_and_shows_no_secret(command):
    answer = command("--json")
    assert answer.exit_code == 1
    assert "must-not-show" not in answer.output
    document = json.loads(answer.output)
    assert document["ok"] is False
    assert document["findings"] == [
        {
            "variable": "QUANT_API_KEY_SECRET_ARNS",
            "code": "weak",
            "message": "the secret is shorter than 32 bytes",
            "severity": "error",
        }
    ]
    good = command("--no-secrets")
    assert (good.exit_code, good.output) == (0, "the configuration is good\n")


def test_the_command_shows_no_value_of_a_wrong_variable(command, monkeypatch):
    for variable in (
        "QUANT_DATABASE_PORT",
        "QUANT_DATABASE_TLS",
        "QUANT_TOKEN_ISSUER",
        "QUANT_API_KEY_SECRET_ARNS",
        "QUANT_PUBLIC_URL",
        "QUANT_CORS_ORIGINS",
        "QUANT_DATABASE_PASSWORD",
    ):
        monkeypatch.setenv(variable, "must-not-show")
    for arguments in ((), ("--json",), ("--no-secrets",)):
        answer = command(*arguments)
        assert answer.exit_code == 1
        assert "must-not-show" not in answer.output


def test_deployed_functions_are_checked_together(monkeypatch):
    from quant.config_check import deployed_functions

    pages = [
        {
            "Functions": [
                {"FunctionName": "quant-prod-a", "Environment": {"Variables": {"A": "1"}}},
                {"FunctionName": "other", "Environment": {"Variables": {"B": "1"}}},
            ]
        },
        {"Functions": [{"FunctionName": "quant-prod-b"}]},
    ]

    class Lambda:
        def get_paginator(self, name):
            assert name == "list_functions"
            return self

        def paginate(self):
            return pages

    assert deployed_functions("quant-prod-", Lambda()) == {
        "quant-prod-a": {"A": "1"},
        "quant-prod-b": {},
    }
