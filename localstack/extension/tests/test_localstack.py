"""A real LocalStack with the extension, and an API deployed to it by CloudFormation."""

import base64
import concurrent.futures
import gzip
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest

AUTHORIZER = """
CALLS = 0

def handler(event, context):
    global CALLS
    CALLS += 1
    token = event.get("authorizationToken") or event["headers"]["Authorization"]
    if token == "raise":
        raise RuntimeError("broken")
    if token == "unknown":
        raise Exception("Unauthorized")
    if token == "nonsense":
        return {"allowed": True}
    resource = event["methodArn"].rsplit("/", 1)[0] + "/*"
    statement = {
        "Action": "execute-api:Invoke",
        "Effect": "Deny" if token == "deny" else "Allow",
        "Resource": resource + "none" if token == "elsewhere" else resource,
    }
    return {
        "principalId": "someone",
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": {"calls": CALLS, "admin": False},
        "usageIdentifierKey": "second-key-of-the-test" if token == "second" else KEY,
    }
"""

BACKEND = """
import base64, gzip, json, time

def handler(event, context):
    kind = (event["queryStringParameters"] or {}).get("kind")
    headers = {"Content-Type": "application/json", "ETag": '"1"'}
    if kind == "gzip":
        body = base64.b64encode(gzip.compress(b'{"packed": true}')).decode()
        headers["Content-Encoding"] = "gzip"
        return {"statusCode": 200, "headers": headers, "body": body, "isBase64Encoded": True}
    if kind == "unchanged":
        return {"statusCode": 304, "headers": headers, "body": ""}
    if kind == "problem":
        headers["Content-Type"] = "application/problem+json"
        links = {"Link": ["<a>", "<b>"]}
        return {"statusCode": 422, "headers": headers, "multiValueHeaders": links, "body": "{}"}
    if kind == "slow":
        time.sleep(5)
    if kind == "wait":
        time.sleep(0.5)
    body = json.dumps({"event": event, "arn": context.invoked_function_arn})
    return {"statusCode": 200, "headers": headers, "body": body}
"""

KEY = "first-key-of-the-test"
PROBLEM = (
    '{"title":"$context.error.responseType","detail":$context.error.messageString,'
    '"instance":"$context.requestId"}'
)


def function(source: str) -> dict[str, Any]:
    properties = {
        "Runtime": "python3.13",
        "Handler": "index.handler",
        "MemorySize": 256,
        "Timeout": 10,
        "Role": "arn:aws:iam::000000000000:role/functions",
        "Code": {"ZipFile": source},
    }
    return {"Type": "AWS::Lambda::Function", "Properties": properties}


def api_gateway(name: str, *, after: list[str] | None = None, **properties: Any) -> dict[str, Any]:
    if name != "RestApi":
        properties["RestApiId"] = {"Ref": "Api"}
    return {
        "Type": f"AWS::ApiGateway::{name}",
        "Properties": properties,
        **({"DependsOn": after} if after else {}),
    }


def invocation_uri(function_arn: str) -> dict[str, str]:
    return {
        "Fn::Sub": "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/"
        f"${{{function_arn}}}/invocations"
    }


def template() -> dict[str, Any]:
    resources: dict[str, Any] = {
        "AuthorizerFunction": function(f"KEY = {KEY!r}\n{AUTHORIZER}"),
        "Backend": function(BACKEND),
        "Version": {
            "Type": "AWS::Lambda::Version",
            "Properties": {"FunctionName": {"Ref": "Backend"}},
        },
        "Live": {
            "Type": "AWS::Lambda::Alias",
            "Properties": {
                "FunctionName": {"Ref": "Backend"},
                "FunctionVersion": {"Fn::GetAtt": ["Version", "Version"]},
                "Name": "live",
            },
        },
        "Api": api_gateway(
            "RestApi", Name="test", ApiKeySourceType="AUTHORIZER", BinaryMediaTypes=["*/*"]
        ),
        "Request": api_gateway(
            "Authorizer",
            Name="request",
            Type="REQUEST",
            IdentitySource="method.request.header.Authorization",
            AuthorizerResultTtlInSeconds=300,
            AuthorizerUri=invocation_uri("AuthorizerFunction.Arn"),
        ),
        "Token": api_gateway(
            "Authorizer",
            Name="token",
            Type="TOKEN",
            IdentitySource="method.request.header.X-Token",
            IdentityValidationExpression="[a-z]+",
            AuthorizerResultTtlInSeconds=0,
            AuthorizerUri=invocation_uri("AuthorizerFunction.Arn"),
        ),
    }
    methods = []
    for path, authorizer, key in [
        ("plain", None, False),
        ("keyed", "Request", True),
        ("limited", "Request", True),
        ("token", "Token", False),
    ]:
        name = path.title()
        resources[f"Path{name}"] = api_gateway(
            "Resource", ParentId={"Fn::GetAtt": ["Api", "RootResourceId"]}, PathPart=path
        )
        for verb in ("GET", "HEAD", "POST"):
            method = api_gateway(
                "Method",
                ResourceId={"Ref": f"Path{name}"},
                HttpMethod=verb,
                AuthorizationType="CUSTOM" if authorizer else "NONE",
                ApiKeyRequired=key,
                Integration={
                    "Type": "AWS_PROXY",
                    "IntegrationHttpMethod": "POST",
                    "TimeoutInMillis": 2000,
                    "Uri": invocation_uri("Live"),
                },
            )
            if authorizer:
                method["Properties"]["AuthorizerId"] = {"Ref": authorizer}
            resources[f"Method{name}{verb}"] = method
            methods.append(f"Method{name}{verb}")
    for response in ("DEFAULT_4XX", "DEFAULT_5XX", "THROTTLED"):
        headers = {"gatewayresponse.header.Content-Type": "'application/problem+json'"}
        if response == "THROTTLED":
            headers["gatewayresponse.header.Retry-After"] = "'60'"
        name = f"Response{response.title().replace('_', '')}"
        resources[name] = api_gateway(
            "GatewayResponse",
            ResponseType=response,
            ResponseParameters=headers,
            ResponseTemplates={"application/json": PROBLEM},
        )
        methods.append(name)
    resources["Missing"] = api_gateway(
        "GatewayResponse",
        ResponseType="MISSING_AUTHENTICATION_TOKEN",
        StatusCode="404",
        ResponseTemplates={"application/problem+json": PROBLEM},
    )
    resources["Deployment"] = api_gateway("Deployment", after=[*methods, "Missing"])
    resources["Stage"] = api_gateway("Stage", StageName="live", DeploymentId={"Ref": "Deployment"})
    for number, value in enumerate((KEY, "second-key-of-the-test")):
        limits = [{"Limit": 1000, "Period": "DAY"}, {"Limit": 2, "Period": "MONTH"}][number]
        stage = {
            "ApiId": {"Ref": "Api"},
            "Stage": {"Ref": "Stage"},
            "Throttle": {"/limited/GET": {"RateLimit": 0.0001, "BurstLimit": 2}},
        }
        resources[f"Key{number}"] = {
            "Type": "AWS::ApiGateway::ApiKey",
            "Properties": {"Enabled": True, "Value": value},
        }
        resources[f"Plan{number}"] = {
            "Type": "AWS::ApiGateway::UsagePlan",
            "Properties": {
                "Throttle": {"RateLimit": 1000.5, "BurstLimit": 1000},
                "Quota": limits,
                "ApiStages": [stage],
            },
        }
        resources[f"PlanKey{number}"] = {
            "Type": "AWS::ApiGateway::UsagePlanKey",
            "Properties": {
                "KeyId": {"Ref": f"Key{number}"},
                "KeyType": "API_KEY",
                "UsagePlanId": {"Ref": f"Plan{number}"},
            },
        }
    names = ("Api", "AuthorizerFunction", "Backend")
    outputs = {name: {"Value": {"Ref": name}} for name in names}
    return {"Resources": resources, "Outputs": outputs}


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Cloud:
    process: subprocess.Popen[bytes]
    port: int
    outputs: dict[str, str]

    def client(self, service: str) -> Any:
        return client(service, self.port)

    def request(
        self,
        path: str,
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
        body: bytes | None = None,
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        base = f"/_aws/execute-api/{self.outputs['Api']}/live"
        connection.request(method, base + path, body, dict(headers or {}))
        response = connection.getresponse()
        try:
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()


def client(service: str, port: int) -> Any:
    return boto3.client(
        service,
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_healthy(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_localstack/health", timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"LocalStack did not start:\n{log.read_text()[-4000:]}")


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory, lambda_python: str) -> Iterator[Cloud]:
    home = tmp_path_factory.mktemp("localstack")
    for name in ("cache", "tmp", "volume"):
        (home / name).mkdir()
    port = free_port()
    environment = {
        "DISABLE_EVENTS": "1",
        "DNS_ADDRESS": "0",
        "GATEWAY_LISTEN": f"127.0.0.1:{port}",
        "HOME": str(home),
        "LAMBDA_RUNTIME_EXECUTOR": "process",
        "LOCALSTACK_HOST": f"localhost:{port}",
        "LOCALSTACK_VOLUME_DIR": str(home / "volume"),
        "PATH": os.environ["PATH"],
        "QUANT_LAMBDA_PYTHON": lambda_python,
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "TMPDIR": str(home / "tmp"),
        # plux caches entry points here: a stale list would hide the extension.
        "XDG_CACHE_HOME": str(home / "cache"),
    }
    log = home / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "localstack.runtime.main"],
            cwd=home,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_until_healthy(process, port, log)
        yield Cloud(process, port, deploy(port))
        functions = psutil.Process(process.pid).children(recursive=True)
        assert functions
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        _, alive = psutil.wait_procs(functions, 5)
        assert not alive
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def deploy(port: int) -> dict[str, str]:
    formation = client("cloudformation", port)
    formation.create_stack(StackName="test", TemplateBody=json.dumps(template()))
    formation.get_waiter("stack_create_complete").wait(
        StackName="test", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    outputs = formation.describe_stacks(StackName="test")["Stacks"][0]["Outputs"]
    return {output["OutputKey"]: output["OutputValue"] for output in outputs}


def test_key_source_of_the_api(cloud: Cloud) -> None:
    api = cloud.client("apigateway").get_rest_api(restApiId=cloud.outputs["Api"])
    assert api["apiKeySource"] == "AUTHORIZER"


def test_missing_identity_is_answered_without_the_authorizer(cloud: Cloud) -> None:
    answer = cloud.request("/keyed")
    assert answer.status == 401
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json() == {
        "title": "UNAUTHORIZED",
        "detail": "Unauthorized",
        "instance": answer.headers["x-amzn-RequestId"],
    }
    assert cloud.request("/keyed", {"Authorization": ""}).status == 401


@pytest.mark.parametrize(
    ("token", "status", "title"),
    [
        ("deny", 403, "ACCESS_DENIED"),
        ("elsewhere", 403, "ACCESS_DENIED"),
        ("unknown", 401, "UNAUTHORIZED"),
        ("raise", 500, "AUTHORIZER_FAILURE"),
        ("nonsense", 500, "AUTHORIZER_CONFIGURATION_ERROR"),
    ],
)
def test_refusals(cloud: Cloud, token: str, status: int, title: str) -> None:
    answer = cloud.request("/keyed", {"Authorization": token})
    assert (answer.status, answer.json()["title"]) == (status, title)


def test_allowed_request_reaches_the_alias_with_the_authorizer_s_context(cloud: Cloud) -> None:
    answer = cloud.request("/keyed?a=1&a=2", {"Authorization": "fine"})
    assert answer.status == 200
    event = answer.json()["event"]
    assert answer.json()["arn"].endswith(":function:" + cloud.outputs["Backend"] + ":live")
    assert event["requestContext"]["identity"]["apiKey"] == KEY
    assert event["stageVariables"] is None
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"]}
    authorizer = event["requestContext"]["authorizer"]
    assert authorizer.pop("calls").isdigit()
    assert authorizer == {"principalId": "someone", "admin": "false"}


def test_result_is_cached_by_identity(cloud: Cloud) -> None:
    def calls(token: str) -> int:
        event = cloud.request("/keyed", {"Authorization": token}).json()["event"]
        return int(event["requestContext"]["authorizer"]["calls"])

    first = calls("cached")
    assert calls("cached") == first
    assert calls("another") > first


def test_cached_policy_is_evaluated_for_each_method(cloud: Cloud) -> None:
    token = {"Authorization": "method"}
    assert cloud.request("/keyed", token).status == 200
    assert cloud.request("/keyed", token, method="POST").status == 403


def test_token_authorizer(cloud: Cloud) -> None:
    assert cloud.request("/token").status == 401
    assert cloud.request("/token", {"X-Token": "NOT VALID"}).status == 401
    assert cloud.request("/token", {"X-Token": "deny"}).status == 403
    answers = [cloud.request("/token", {"X-Token": "fine"}) for _ in range(2)]
    assert [answer.status for answer in answers] == [200, 200]
    contexts = [answer.json()["event"]["requestContext"]["authorizer"] for answer in answers]
    assert contexts[0]["calls"] != contexts[1]["calls"]


def test_throttle_of_a_method(cloud: Cloud) -> None:
    token = {"Authorization": "throttle"}
    answers = [cloud.request("/limited", token) for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 429, 429]
    assert answers[-1].headers["Retry-After"] == "60"
    assert answers[-1].headers["x-amzn-ErrorType"] == "TooManyRequestsException"
    assert answers[-1].json()["detail"] == "Too Many Requests"
    assert cloud.request("/keyed", token).status == 200


def test_quota_of_a_key(cloud: Cloud) -> None:
    answers = [cloud.request("/keyed", {"Authorization": "second"}) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert answers[-1].headers["x-amzn-ErrorType"] == "LimitExceededException"
    assert (answers[-1].json()["title"], answers[-1].json()["detail"]) == (
        "QUOTA_EXCEEDED",
        "Limit Exceeded",
    )


def test_unknown_path_has_the_status_and_media_type_of_its_response(cloud: Cloud) -> None:
    answer = cloud.request("/nowhere")
    assert answer.status == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"] == "Missing Authentication Token"


def test_integration_timeout(cloud: Cloud) -> None:
    answer = cloud.request("/plain?kind=slow")
    assert (answer.status, answer.json()["title"]) == (504, "INTEGRATION_TIMEOUT")


def test_request_body_is_passed_on_in_base64(cloud: Cloud) -> None:
    for sent in (b"\xff\x00binary", b'{"text": 1}'):
        event = cloud.request("/plain", method="POST", body=sent).json()["event"]
        assert (base64.b64decode(event["body"]), event["isBase64Encoded"]) == (sent, True)
    event = cloud.request("/plain").json()["event"]
    assert (event["body"], event["isBase64Encoded"]) == (None, False)


def test_compressed_response_is_passed_through(cloud: Cloud) -> None:
    answer = cloud.request("/plain?kind=gzip")
    assert answer.headers["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(answer.body)) == {"packed": True}
    head = cloud.request("/plain?kind=gzip", method="HEAD")
    assert (head.status, head.body, head.headers["ETag"]) == (200, b"", '"1"')


def test_not_modified_has_no_body(cloud: Cloud) -> None:
    answer = cloud.request("/plain?kind=unchanged")
    assert (answer.status, answer.body, answer.headers["ETag"]) == (304, b"", '"1"')


def test_headers_with_several_values(cloud: Cloud) -> None:
    answer = cloud.request("/plain?kind=problem")
    assert answer.status == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers.get_all("Link") == ["<a>", "<b>"]


def test_concurrent_cold_environments(cloud: Cloud) -> None:
    def ask(number: int) -> int:
        return cloud.request(f"/token?kind=wait&n={number}", {"X-Token": "fine"}).status

    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(ask, range(20)))
    # On a slow machine the integration's timeout may pass; a deadlock would fail by the client's.
    assert set(statuses) <= {200, 504}
    assert cloud.request("/token", {"X-Token": "fine"}).status == 200


def test_logs_reach_cloudwatch(cloud: Cloud) -> None:
    logs, name = cloud.client("logs"), cloud.outputs["Backend"]
    assert cloud.request("/plain").status == 200
    deadline = time.monotonic() + 10
    messages: list[str] = []
    while time.monotonic() < deadline and not any("REPORT" in message for message in messages):
        time.sleep(0.2)
        try:
            events = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
        except logs.exceptions.ResourceNotFoundException:
            continue
        messages = [event["message"] for event in events]
    kinds = {message.split()[0] for message in messages}
    assert {"START", "END", "REPORT"} <= kinds


def test_updated_stack_takes_effect(cloud: Cloud) -> None:
    formation, gateway = cloud.client("cloudformation"), cloud.client("apigateway")
    changed = template()
    resources = changed["Resources"]
    resources["MethodPlainPOST"]["Properties"].update(
        {"AuthorizationType": "CUSTOM", "AuthorizerId": {"Ref": "Token"}}
    )
    resources["Missing"]["Properties"]["StatusCode"] = "410"
    resources["Token"]["Properties"]["IdentityValidationExpression"] = "[A-Z ]+"
    resources["Plan0"]["Properties"]["Throttle"]["RateLimit"] = 0.25
    resources["Deployment2"] = resources.pop("Deployment")
    resources["Stage"]["Properties"]["DeploymentId"] = {"Ref": "Deployment2"}
    formation.update_stack(StackName="test", TemplateBody=json.dumps(changed))
    formation.get_waiter("stack_update_complete").wait(
        StackName="test", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    assert cloud.request("/plain").status == 200
    assert cloud.request("/plain", method="POST").status == 401
    assert cloud.request("/nowhere").status == 410
    assert cloud.request("/token", {"X-Token": "fine"}).status == 401
    assert cloud.request("/token", {"X-Token": "NOW VALID"}).status == 200
    rates = {plan["throttle"]["rateLimit"] for plan in gateway.get_usage_plans()["items"]}
    assert rates == {0.25, 1000.5}


def small_template(answer: str, version: str, **more: dict[str, Any]) -> dict[str, Any]:
    """A function whose published version is another resource whenever its code changes."""
    backend = function(f"def handler(event, context): return {answer!r}")
    backend["Properties"]["FunctionName"] = "small"
    return {
        "Resources": {
            "Small": backend,
            version: {
                "Type": "AWS::Lambda::Version",
                "Properties": {"FunctionName": {"Ref": "Small"}},
            },
            "Live": {
                "Type": "AWS::Lambda::Alias",
                "Properties": {
                    "FunctionName": {"Ref": "Small"},
                    "FunctionVersion": {"Fn::GetAtt": [version, "Version"]},
                    "Name": "live",
                },
            },
            "Api": api_gateway("RestApi", Name="small", Description=answer),
            "Root": api_gateway(
                "Method",
                ResourceId={"Fn::GetAtt": ["Api", "RootResourceId"]},
                HttpMethod="GET",
                AuthorizationType="NONE",
                Integration={"Type": "MOCK"},
            ),
            "Deployment": api_gateway("Deployment", after=["Root"]),
            "Stage": api_gateway("Stage", StageName="live", DeploymentId={"Ref": "Deployment"}),
            "Key": {
                "Type": "AWS::ApiGateway::ApiKey",
                "Properties": {"Description": answer, "Enabled": answer == "one"},
            },
            **more,
        },
        "Outputs": {"Api": {"Value": {"Ref": "Api"}}, "Key": {"Value": {"Ref": "Key"}}},
    }


class SmallStack:
    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.formation = cloud.client("cloudformation")

    def create(self, template: dict[str, Any]) -> str:
        self.formation.create_stack(StackName="small", TemplateBody=json.dumps(template))
        return self.settled()

    def update(self, template: dict[str, Any]) -> str:
        self.formation.update_stack(StackName="small", TemplateBody=json.dumps(template))
        return self.settled()

    def delete(self) -> None:
        self.formation.delete_stack(StackName="small")
        waiter = self.formation.get_waiter("stack_delete_complete")
        waiter.wait(StackName="small", WaiterConfig={"Delay": 1, "MaxAttempts": 60})

    def settled(self) -> str:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            stack = self.describe()
            if not stack["StackStatus"].endswith("_IN_PROGRESS"):
                return str(stack["StackStatus"])
            time.sleep(0.1)
        pytest.fail("the stack takes too long")

    def describe(self) -> dict[str, Any]:
        stack: dict[str, Any] = self.formation.describe_stacks(StackName="small")["Stacks"][0]
        return stack

    def resources(self) -> dict[str, str]:
        found = self.formation.describe_stack_resources(StackName="small")["StackResources"]
        return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found}

    def events(self) -> str:
        return json.dumps(
            self.formation.describe_stack_events(StackName="small")["StackEvents"], default=str
        )

    def versions(self) -> list[str]:
        time.sleep(1)  # LocalStack keeps a deleted version for half a second
        client = self.cloud.client("lambda")
        versions = client.list_versions_by_function(FunctionName="small")["Versions"]
        return [version["Version"] for version in versions]

    def answer(self, qualifier: str = "live") -> str:
        client = self.cloud.client("lambda")
        result = client.invoke(FunctionName="small", Qualifier=qualifier)
        return str(json.loads(result["Payload"].read()))


@pytest.fixture
def small(cloud: Cloud) -> Iterator[SmallStack]:
    stack = SmallStack(cloud)
    yield stack
    stack.delete()


def test_changed_code_moves_the_alias_and_replaces_nothing_else(small: SmallStack) -> None:
    assert small.create(small_template("one", "Version1")) == "CREATE_COMPLETE"
    before = small.resources()
    assert small.answer() == "one"
    assert small.update(small_template("two", "Version2")) == "UPDATE_COMPLETE"
    after = small.resources()
    assert small.answer() == "two"
    assert before.keys() - after.keys() == {"Version1"}
    assert {name for name in before.keys() & after.keys() if before[name] != after[name]} == set()
    assert small.versions() == ["$LATEST", "2"]
    gateway = small.cloud.client("apigateway")
    assert gateway.get_rest_api(restApiId=after["Api"])["description"] == "two"
    key = gateway.get_api_key(apiKey=after["Key"])
    assert (key["description"], key["enabled"]) == ("two", False)


@pytest.mark.parametrize("broken", ["function", "version"])
def test_a_failed_update_is_undone(small: SmallStack, broken: str) -> None:
    small.create(small_template("one", "Version1"))
    before = small.resources()
    added = {
        "Early": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "early"}},
        "Late": {
            "Type": "AWS::Lambda::Version",
            "Properties": {"FunctionName": "missing"},
            "DependsOn": ["Early", "Live", "Api"],
        },
    }
    if broken == "function":
        del added["Late"]
    changed = small_template("two", "Version2", **added)
    if broken == "function":
        variables = {"Variables": {"PADDING": "x" * 5000}}
        changed["Resources"]["Small"]["Properties"]["Environment"] = variables
    assert small.update(changed) == "UPDATE_ROLLBACK_COMPLETE"
    assert small.resources() == before
    assert (small.answer(), small.answer("$LATEST")) == ("one", "one")
    assert {output["OutputKey"] for output in small.describe()["Outputs"]} == {"Api", "Key"}
    gateway = small.cloud.client("apigateway")
    assert gateway.get_rest_api(restApiId=before["Api"])["description"] == "one"
    assert "QueueUrls" not in small.cloud.client("sqs").list_queues(QueueNamePrefix="early")

    assert small.update(small_template("three", "Version3")) == "UPDATE_COMPLETE"
    assert small.answer() == "three"


def test_a_failed_creation_leaves_nothing(small: SmallStack) -> None:
    broken = small_template("one", "Version1")
    broken["Resources"]["Small"]["Properties"]["Environment"] = {
        "Variables": {"PADDING": "x" * 5000}
    }
    assert small.create(broken) == "ROLLBACK_COMPLETE"
    gateway = small.cloud.client("apigateway")
    assert "small" not in [api["name"] for api in gateway.get_rest_apis()["items"]]
    small.delete()
    assert small.create(small_template("one", "Version1")) == "CREATE_COMPLETE"


def test_a_change_that_cannot_be_made_in_place_fails(small: SmallStack) -> None:
    def vpc(*, dns: bool) -> dict[str, Any]:
        properties = {"CidrBlock": "10.0.0.0/16", "EnableDnsSupport": dns}
        return {"Resources": {"Vpc": {"Type": "AWS::EC2::VPC", "Properties": properties}}}

    assert small.create(vpc(dns=True)) == "CREATE_COMPLETE"
    assert small.update(vpc(dns=False)) == "UPDATE_ROLLBACK_COMPLETE"
    assert "cannot change AWS::EC2::VPC in place" in small.events()


def test_a_version_finishes_what_it_serves_before_it_is_deleted(small: SmallStack) -> None:
    slow = small_template("one", "Version1")
    code = "import time\ndef handler(event, context):\n time.sleep(4)\n return 'slow'"
    slow["Resources"]["Small"]["Properties"]["Code"]["ZipFile"] = code
    small.create(slow)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        answer = pool.submit(small.answer)
        time.sleep(1)
        assert small.update(small_template("two", "Version2")) == "UPDATE_COMPLETE"
        assert small.answer() == "two"
        assert answer.result() == "slow"


def test_an_unchanged_template_and_a_second_creation_are_refused(small: SmallStack) -> None:
    small.create(small_template("one", "Version1"))
    with pytest.raises(small.formation.exceptions.ClientError, match="No updates"):
        small.update(small_template("one", "Version1"))
    with pytest.raises(small.formation.exceptions.AlreadyExistsException):
        small.create(small_template("one", "Version1"))


def test_tail_of_the_log_in_an_invocation(cloud: Cloud) -> None:
    answer = cloud.client("lambda").invoke(
        FunctionName=cloud.outputs["AuthorizerFunction"],
        Payload=json.dumps({"authorizationToken": "raise"}),
        LogType="Tail",
    )
    assert answer["FunctionError"] == "Unhandled"
    assert "[ERROR] RuntimeError: broken" in base64.b64decode(answer["LogResult"]).decode()
