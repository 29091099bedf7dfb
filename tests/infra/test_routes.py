"""API Gateway has the routes of the table and nothing else."""

import re
from typing import Any

from infra.functions import AUTHORIZER, KEY_ROTATION, Area
from infra_support import Assembly

from quant_http.routes import ROUTES, Access

FUNCTION_ARN = "arn:<AWS::Partition>:lambda:us-east-1:<AWS::AccountId>:function:"


def test_methods_are_the_route_table(assembly: Assembly) -> None:
    assert set(assembly.methods()) == {(route.method, route.path) for route in ROUTES}


def test_no_proxy_resource(assembly: Assembly) -> None:
    parts = [item["PathPart"] for item in assembly.properties("AWS::ApiGateway::Resource")]
    assert not [part for part in parts if "+" in part]
    assert "ANY" not in {verb for verb, _ in assembly.methods()}


def test_token_routes_need_the_authorizer_and_a_key(assembly: Assembly) -> None:
    [authorizer] = assembly.resources("AWS::ApiGateway::Authorizer")
    for (verb, path), method in assembly.methods().items():
        [route] = [route for route in ROUTES if (route.method, route.path) == (verb, path)]
        if route.access is Access.TOKEN:
            assert method["AuthorizationType"] == "CUSTOM", route.name
            assert method["AuthorizerId"] == {"Ref": authorizer}, route.name
            assert method["ApiKeyRequired"] is True, route.name
        else:
            assert method["AuthorizationType"] == "NONE", route.name
            assert "AuthorizerId" not in method, route.name
            assert not method.get("ApiKeyRequired"), route.name


def test_public_routes_are_these_alone(assembly: Assembly) -> None:
    public = {
        path
        for (_, path), method in assembly.methods().items()
        if method["AuthorizationType"] == "NONE"
    }
    assert public == {
        "/",
        "/health",
        "/health/ready",
        "/.well-known/jwks.json",
        "/api/v1/auth/register",
        "/api/v1/auth/verify-email",
        "/api/v1/auth/forgot-password",
        "/api/v1/auth/reset-password",
        "/api/v1/auth/login",
        "/api/v1/auth/refresh",
        "/api/v1/openapi.json",
        "/api/v1/docs",
        "/api/v1/redoc",
        "/api/v1/docs/assets/{name}",
        "/api/v1/methods",
        "/api/v1/status",
        "/api/v1/watchlists/unsubscribe",
    }


def _text(assembly: Assembly, node: Any) -> str:
    """Return a value of the API's template as one string; the alias of a function as its ARN."""
    match node:
        case str():
            return node
        case {"Ref": name} if name in assembly.resources("AWS::Lambda::Alias"):
            alias = assembly.resources("AWS::Lambda::Alias")[name]["Properties"]
            function = assembly.functions()[alias["FunctionName"]["Ref"]]
            return f"{FUNCTION_ARN}{function['FunctionName']}:{alias['Name']}"
        case {"Ref": pseudo} if pseudo.startswith("AWS::"):
            return f"<{pseudo}>"
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(_text(assembly, part) for part in parts)
    return ""


def _arn(assembly: Assembly, name: str) -> str:
    """Return the ARN of the alias of a function, which may be in another stack."""
    logical_id, function = assembly.function(name)
    [alias] = [
        alias
        for alias in assembly.properties("AWS::Lambda::Alias", assembly.stack_of(name))
        if alias["FunctionName"] == {"Ref": logical_id}
    ]
    return f"{FUNCTION_ARN}{function['FunctionName']}:{alias['Name']}"


def test_method_calls_its_own_function(assembly: Assembly) -> None:
    methods = assembly.methods()
    for route in ROUTES:
        integration = methods[route.method, route.path]["Integration"]
        assert integration["Type"] == "AWS_PROXY"
        uri = _text(assembly, integration["Uri"])
        assert uri.endswith(f"/functions/{_arn(assembly, route.name)}/invocations"), route.name


def test_only_api_gateway_may_invoke_and_only_for_one_method(assembly: Assembly) -> None:
    found = []
    for permission in assembly.properties("AWS::Lambda::Permission"):
        if permission["Principal"] == "secretsmanager.amazonaws.com":
            continue
        assert permission["Principal"] == "apigateway.amazonaws.com"
        source = permission["SourceArn"]["Fn::Join"][1][-1]
        found.append((_text(assembly, permission["FunctionName"]), source))
    [authorizer] = assembly.resources("AWS::ApiGateway::Authorizer")
    expected = [
        (_arn(assembly, route.name), re.sub(r"{\w+}", "*", f"/{route.method}{route.path}"))
        for route in ROUTES
    ]
    expected.append((_arn(assembly, AUTHORIZER), {"Ref": authorizer}))
    assert sorted(map(str, found)) == sorted(map(str, expected))
    for area in Area:
        for permission in assembly.properties("AWS::Lambda::Permission", area.capitalize()):
            # Of a schedule.
            assert permission["Principal"] == "events.amazonaws.com"


def test_authorizer_reads_the_authorization_header_and_caches(assembly: Assembly) -> None:
    [authorizer] = assembly.properties("AWS::ApiGateway::Authorizer")
    assert authorizer["Type"] == "REQUEST"
    assert authorizer["IdentitySource"] == "method.request.header.Authorization"
    assert authorizer["AuthorizerResultTtlInSeconds"] == 60
    assembly.function(AUTHORIZER)


def test_api_is_regional_and_keys_come_from_the_authorizer(assembly: Assembly) -> None:
    [api] = assembly.properties("AWS::ApiGateway::RestApi")
    assert api["ApiKeySourceType"] == "AUTHORIZER"
    assert api["BinaryMediaTypes"] == ["*/*"]
    assert api["EndpointConfiguration"] == {"Types": ["REGIONAL"]}


def test_stage_is_the_environment_and_logs_its_requests(assembly: Assembly) -> None:
    [stage] = assembly.properties("AWS::ApiGateway::Stage")
    assert stage["StageName"] == assembly.config.environment
    logged = stage["AccessLogSetting"]["Format"]
    assert "$context.requestId" in logged
    # The audit log keeps both anonymised, under the same request id.
    assert "sourceIp" not in logged
    assert "userAgent" not in logged
    [settings] = stage["MethodSettings"]
    assert (settings["HttpMethod"], settings["ResourcePath"]) == ("*", "/*")
    assert settings["ThrottlingRateLimit"] == assembly.config.stage_rate_limit
    assert settings["ThrottlingBurstLimit"] == assembly.config.stage_burst_limit
    # The stage as a whole is measured without.
    assert settings["MetricsEnabled"] is False
    # Execution logs would hold addresses and query strings, full ones bodies and passwords.
    assert settings.get("LoggingLevel", "OFF") == "OFF"
    assert not settings.get("DataTraceEnabled")
    # Answers depend on the caller; those that do not are cached by the functions.
    assert not settings.get("CachingEnabled")
    assert not stage.get("CacheClusterEnabled")
    assert stage["TracingEnabled"] is True
    # No answer of the platform can be had by a certificate of the client's.
    assert "ClientCertificateId" not in stage


def test_secrets_manager_may_invoke_the_rotation_alone(assembly: Assembly) -> None:
    [permission] = [
        permission
        for permission in assembly.properties("AWS::Lambda::Permission")
        if permission["Principal"] == "secretsmanager.amazonaws.com"
    ]
    function, _ = assembly.function(KEY_ROTATION)
    aliases = assembly.resources("AWS::Lambda::Alias")
    alias = aliases[permission["FunctionName"]["Ref"]]["Properties"]
    assert alias["FunctionName"] == {"Ref": function}
    assert "SigningKey" in str(permission["SourceArn"])
    assert permission["SourceAccount"]
