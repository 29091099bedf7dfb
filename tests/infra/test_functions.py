"""Each route has its own function, packed and permitted for that route alone."""

from importlib.util import cache_from_source
from typing import Any

import pytest
from infra.all_functions import FUNCTIONS
from infra.batch_functions import RUN_EXPORT
from infra.functions import AUDIT_DRAIN, AUTHORIZER, KEY_ROTATION
from infra.schema_functions import MIGRATE
from infra_support import STACKS, Assembly, name_of

from quant.pipeline.queues import Queue
from quant.tiers import TIERS
from quant_http.routes import ROUTES, Capability, Secret, Store

NAMES = list(FUNCTIONS)
# On AWS it logs in by IAM.
OWNER = {True: "QUANT_DATABASE_OWNER_USER", False: "QUANT_DATABASE_OWNER_SECRET_ARN"}
TOKEN_SECRETS = {Secret.JWKS, Secret.SIGNING_KEY}


def _role(properties: dict[str, Any]) -> str:
    name: str = properties["Role"]["Fn::GetAtt"][0]
    return name


def _actions(statement: dict[str, Any]) -> list[str]:
    actions = statement["Action"]
    return [actions] if isinstance(actions, str) else actions


def _resources(statement: dict[str, Any]) -> list[Any]:
    resources = statement["Resource"]
    return resources if isinstance(resources, list) else [resources]


def test_functions_are_those_of_the_table_alone(assembly: Assembly) -> None:
    names = [name_of(function) for function in assembly.functions().values()]
    assert sorted(names) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_code_is_the_routes_own(assembly: Assembly, name: str) -> None:
    folder, module = name.split(".")
    sources = {f"{folder}/__init__.py", f"{folder}/_shared.py", f"{folder}/{module}.py"}
    own = sources | {cache_from_source(source) for source in sources}
    code = assembly.code(name)
    files = {str(path.relative_to(code)) for path in code.rglob("*") if path.is_file()}
    bundled = files - own
    assert own <= files
    assert {file.split("/")[0] for file in bundled} == set(FUNCTIONS[name].bundles)


def test_settings_are_the_route_tables(assembly: Assembly) -> None:
    assert all(FUNCTIONS[route.name].timeout_s < 29 for route in ROUTES)
    for name, needs in FUNCTIONS.items():
        _, function = assembly.function(name)
        assert function["MemorySize"] == needs.memory_mb
        assert function["Timeout"] == needs.timeout_s
        if needs.image and assembly.config.local is None:
            assert function["PackageType"] == "Image"
        else:
            assert function["Runtime"] == "python3.13"
            assert len(function["Layers"]) == len(needs.layers)
        variables = function["Environment"]["Variables"]
        assert variables["QUANT_ENVIRONMENT"] == assembly.config.environment
        assert variables["POWERTOOLS_SERVICE_NAME"] == name
        signs = Secret.SIGNING_KEY in needs.secrets
        told = set(needs.sends_to)
        if needs.source and needs.source.defers:
            told.add(needs.source.queue)
        queues = Capability.AUDIT_QUEUE in needs.capabilities
        mails = Capability.SEND_EMAIL in needs.capabilities
        for variable, expected in {
            "QUANT_DATABASE_HOST": Store.POSTGRES in needs.stores,
            "QUANT_VALKEY_HOST": Store.VALKEY in needs.stores,
            "QUANT_FALLBACK_SHARE": Store.VALKEY in needs.stores,
            "QUANT_TOKEN_JWKS_SECRET_ARN": bool(needs.secrets & TOKEN_SECRETS),
            "QUANT_TOKEN_SIGNING_KEY_SECRET_ARN": signs,
            "QUANT_AUDIT_QUEUE_URL": queues,
            "QUANT_EMAIL_SENDER": mails,
            "QUANT_PUBLIC_URL": mails,
            "QUANT_WEBHOOK_SECRET_ARN": Secret.WEBHOOK in needs.secrets,
            "QUANT_FETCH_QUEUE_URL": Queue.FETCH in told,
            "QUANT_REPORTS_QUEUE_URL": Queue.REPORTS in told,
            "QUANT_DELIVERIES_QUEUE_URL": Queue.DELIVERIES in told,
            "QUANT_EVENT_BUS_NAME": needs.publishes,
            "QUANT_RAW_BUCKET": bool(needs.objects),
            "QUANT_COLLECTOR_CONTACT": needs.collects,
            "QUANT_COLLECTOR_PRICES_SECRET_ARN": Secret.PRICES in needs.secrets,
            "QUANT_EXPORT_BUCKET": bool(needs.exports),
            "QUANT_EXPORTS_QUEUE_URL": bool(needs.exports),
            "QUANT_ML_BUCKET": bool(needs.models),
            "QUANT_TRACKING_URI": needs.tracks,
            "QUANT_TRACKING_SIGNED": needs.tracks,
            OWNER[assembly.config.local is None]: needs.owns_schema,
            "QUANT_AUDIT_ANCHOR_BUCKET": needs.anchors,
        }.items():
            assert (variable in variables) is expected, (name, variable)


def test_fallback_share_is_the_reserved_concurrency(assembly: Assembly) -> None:
    for name, needs in FUNCTIONS.items():
        if Store.VALKEY in needs.stores:
            _, function = assembly.function(name)
            share = function["Environment"]["Variables"]["QUANT_FALLBACK_SHARE"]
            assert int(share) == function["ReservedConcurrentExecutions"]


def test_runs_on_arm_from_a_snapshot_on_aws(aws_assembly: Assembly) -> None:
    for name, needs in FUNCTIONS.items():
        _, function = aws_assembly.function(name)
        assert function["Architectures"] == ["arm64"]
        storage = function.get("EphemeralStorage", {"Size": 512})["Size"]
        assert storage == needs.storage_mb
        # Snapshots have no room for more, and are of no image.
        snapshot = storage == 512 and not needs.image
        assert function.get("SnapStart") == ({"ApplyOn": "PublishedVersions"} if snapshot else None)


def test_each_records_traces(assembly: Assembly) -> None:
    for function in assembly.functions().values():
        assert function["TracingConfig"] == {"Mode": "Active"}


def test_each_has_its_own_role_log_group_and_live_alias(assembly: Assembly) -> None:
    roles, groups = set(), set()
    for name in NAMES:
        stack = assembly.stack_of(name)
        logical_id, properties = assembly.function(name)
        roles.add(_role(properties))
        group = properties["LoggingConfig"]["LogGroup"]["Ref"]
        groups.add(group)
        log_group = assembly.resources("AWS::Logs::LogGroup", stack)[group]["Properties"]
        assert log_group["LogGroupName"] == f"/aws/lambda/{properties['FunctionName']}"
        assert log_group["RetentionInDays"] > 0
        [alias] = [
            alias
            for alias in assembly.properties("AWS::Lambda::Alias", stack)
            if alias["FunctionName"] == {"Ref": logical_id}
        ]
        assert alias["Name"] == "live"
        [version] = alias["FunctionVersion"]["Fn::GetAtt"][:1]
        assert version in assembly.resources("AWS::Lambda::Version", stack)
    assert len(roles) == len(groups) == len(NAMES)


def test_code_itself_may_not_touch_network_interfaces(assembly: Assembly) -> None:
    for function in assembly.functions().values():
        statements = {item.get("Sid"): item for item in assembly.statements(_role(function))}
        assert ("AttachToVpc" in statements) is ("VpcConfig" in function)
        if "VpcConfig" in function:
            denied = statements["NotFromCode"]
            assert denied["Effect"] == "Deny"
            assert denied["Action"] == statements["AttachToVpc"]["Action"]
            arn = denied["Condition"]["ArnEquals"]["lambda:SourceFunctionArn"]["Fn::Join"][1]
            assert arn[-1].endswith(f":function:{function['FunctionName']}")


def test_managed_policies_belong_to_the_accounts_logging_role_alone(assembly: Assembly) -> None:
    attached = [
        str(policy)
        for stack in STACKS
        for role in assembly.properties("AWS::IAM::Role", stack)
        for policy in role.get("ManagedPolicyArns", [])
    ]
    assert len(attached) == 1
    assert "AmazonAPIGatewayPushToCloudWatchLogs" in attached[0]


def _secrets_read(assembly: Assembly, name: str) -> list[str]:
    """Return the secrets a function's role may read, each as the text of its reference."""
    _, function = assembly.function(name)
    return [
        str(resource)
        for statement in assembly.statements(_role(function))
        if "secretsmanager:GetSecretValue" in _actions(statement)
        for resource in _resources(statement)
    ]


def test_secrets_are_read_by_those_who_need_them(assembly: Assembly) -> None:
    local = assembly.config.environment == "local"
    names = {
        Store.POSTGRES: "quant/local/database-?",
        Store.VALKEY: "quant/local/valkey" if local else "CacheSecret",
        Secret.JWKS: "Jwks",
        Secret.SIGNING_KEY: "SigningKey",
        Secret.WEBHOOK: "Webhook",
        Secret.PRICES: "Prices",
    }
    for function, needs in FUNCTIONS.items():
        # On AWS Postgres is opened by IAM.
        stores = needs.stores if local else needs.stores - {Store.POSTGRES}
        expected = [names[needed] for needed in (*stores, *needs.secrets)]
        if function == AUTHORIZER:
            expected += [f"{tier.capitalize()}KeySecret" for tier in TIERS]
        if function == MIGRATE and not local:
            expected += ["AppSecret", "BackupSecret", "TrackingSecret"]
        if needs.owns_schema and local:
            expected += ["quant/local/database-admin"]
        read = _secrets_read(assembly, function)
        assert len(read) == len(expected), function
        for name in expected:
            assert sum(name in secret for secret in read) == 1, (function, name)


def test_those_who_sign_are_few(assembly: Assembly) -> None:
    signers = {
        name
        for name in NAMES
        if any("SigningKey" in secret for secret in _secrets_read(assembly, name))
    }
    assert signers == {"auth.login", "auth.refresh", KEY_ROTATION, MIGRATE}


_SEND = {"sqs:SendMessage"}
_DRAIN = {
    "sqs:ReceiveMessage",
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:GetQueueUrl",
}
_ROTATE = {"secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage"}
# It makes the first keys, and gives the database's roles their passwords.
_MAKE = {"secretsmanager:PutSecretValue", "kms:Decrypt"}
_FURTHER = {KEY_ROTATION: _ROTATE, MIGRATE: _MAKE}
_READ_SECRET = {"secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"}
_LOG = {"logs:CreateLogStream", "logs:PutLogEvents"}
_TRACE = {"xray:PutTelemetryRecords", "xray:PutTraceSegments"}


def _allowed(assembly: Assembly, name: str) -> set[str]:
    _, function = assembly.function(name)
    return {
        action
        for statement in assembly.statements(_role(function))
        if statement["Effect"] == "Allow" and statement.get("Sid") != "AttachToVpc"
        for action in _actions(statement)
    }


@pytest.mark.parametrize("name", NAMES)
def test_actions_are_those_of_the_needs_and_no_other(aws_assembly: Assembly, name: str) -> None:
    needs = FUNCTIONS[name]
    expected = _LOG | _TRACE
    if Store.POSTGRES in needs.stores:
        expected |= {"rds-db:connect"}
    if Store.VALKEY in needs.stores:
        expected |= {"kms:Decrypt"}
    if Store.VALKEY in needs.stores or needs.secrets:
        expected |= _READ_SECRET
    if Capability.AUDIT_QUEUE in needs.capabilities or needs.sends_to:
        expected |= _SEND
    if needs.tracks:
        expected |= {"execute-api:Invoke"}
    if needs.publishes:
        expected |= {"events:PutEvents"}
    if needs.objects.reads:
        expected |= {"s3:GetObject", "s3:ListBucket"}
    if needs.exports.reads:
        expected |= {"s3:GetObject"}
    if needs.models.reads:
        expected |= {"s3:GetObject", "s3:ListBucket"}
    writes = needs.objects.writes or needs.exports.writes or needs.models.writes
    if writes or needs.anchors:
        expected |= {"s3:PutObject"}
    if Capability.SEND_EMAIL in needs.capabilities:
        expected |= {"ses:SendEmail", "ses:SendRawEmail"}
    if name == AUDIT_DRAIN or needs.source:
        expected |= _DRAIN
    expected |= _FURTHER.get(name, set())
    assert _allowed(aws_assembly, name) == expected


def test_mail_is_sent_from_the_platforms_address_alone(assembly: Assembly) -> None:
    for name in NAMES:
        _, function = assembly.function(name)
        for statement in assembly.statements(_role(function)):
            if "ses:SendEmail" in _actions(statement):
                sender = assembly.config.email_sender
                assert statement["Condition"] == {"StringEquals": {"ses:FromAddress": sender}}
                [resource] = _resources(statement)
                domain = sender.partition("@")[2]
                assert resource["Fn::Join"][1][-1].endswith(f":identity/{domain}")


def test_messages_are_sent_to_the_queues_of_the_needs_alone(assembly: Assembly) -> None:
    for name, needs in FUNCTIONS.items():
        _, function = assembly.function(name)
        expected = {queue.capitalize() for queue in needs.sends_to}
        if Capability.AUDIT_QUEUE in needs.capabilities:
            expected.add("Audit")
        sent_to = [
            str(resource)
            for statement in assembly.statements(_role(function))
            if "sqs:SendMessage" in _actions(statement)
            for resource in _resources(statement)
        ]
        assert len(sent_to) == len(expected), name
        for queue in expected:
            assert any(f"{queue}Queue" in resource for resource in sent_to), (name, queue)


def test_exports_are_read_by_their_routes_and_written_by_one_function(assembly: Assembly) -> None:
    rights: dict[str, set[str]] = {}
    for name in NAMES:
        _, function = assembly.function(name)
        for statement in assembly.statements(_role(function)):
            for resource in _resources(statement):
                if "ExportedBucket" in str(resource):
                    for action in _actions(statement):
                        rights.setdefault(action, set()).add(name)
                    keys = resource["Fn::Join"][1][-1]
                    assert keys in {"/exports/*", "/datasets/*"}, name
    routes = {route.name for route in ROUTES if Capability.EXPORTS in route.capabilities}
    assert rights == {"s3:GetObject": routes | {RUN_EXPORT}, "s3:PutObject": {RUN_EXPORT}}


def test_only_what_makes_and_rotates_the_keys_writes_them(assembly: Assembly) -> None:
    writers: dict[str, set[str]] = {}
    for name in NAMES:
        _, function = assembly.function(name)
        for statement in assembly.statements(_role(function)):
            if "secretsmanager:PutSecretValue" in _actions(statement):
                for resource in _resources(statement):
                    writers.setdefault(name, set()).add(str(resource))
    assert set(writers) == {KEY_ROTATION, MIGRATE}
    assert writers[MIGRATE] == writers[KEY_ROTATION]
    assert len(writers[KEY_ROTATION]) == 2
    for part in ("SigningKey", "Jwks"):
        assert sum(part in resource for resource in writers[KEY_ROTATION]) == 1


def test_nobody_but_the_stores_clients_uses_the_data_key(aws_assembly: Assembly) -> None:
    for name, needs in FUNCTIONS.items():
        _, function = aws_assembly.function(name)
        uses = [
            statement
            for statement in aws_assembly.statements(_role(function))
            if "kms:Decrypt" in _actions(statement)
        ]
        assert bool(uses) is (Store.VALKEY in needs.stores or name == MIGRATE), name
        for statement in uses:
            assert statement["Condition"] == {
                "StringEquals": {"kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"}
            }
