"""Gateway responses: templates and headers, which the core stores but does not apply.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gatewayResponse-definition.html
"""

import json
import re
from collections.abc import Mapping
from typing import Any, override

from localstack.http import Response
from localstack.services.apigateway.next_gen.execute_api.context import RestApiInvocationContext
from localstack.services.apigateway.next_gen.execute_api.gateway_response import (
    BaseGatewayException,
    build_gateway_response,
    get_gateway_response_or_default,
)
from localstack.services.apigateway.next_gen.execute_api.handlers.gateway_exception import (
    GatewayExceptionHandler,
)
from werkzeug.datastructures import Headers

HEADER_PREFIX = "gatewayresponse.header."
DEFAULT_TEMPLATES = build_gateway_response("DEFAULT_4XX")["responseTemplates"]

# Only variables are replaced, gateway responses do not know the rest of the template language.
_VARIABLE = re.compile(
    r"\$(?:\{(?P<braced>[A-Za-z][\w.-]*)\}|(?P<plain>[A-Za-z]\w*(?:\.[A-Za-z][\w-]*)*))"
)


class GatewayResponseHandler(GatewayExceptionHandler):
    """Answers a request the gateway itself ended."""

    @override
    def create_exception_response(
        self, exception: BaseGatewayException, context: RestApiInvocationContext
    ) -> Response:
        response = super().create_exception_response(exception, context)
        settings = get_gateway_response_or_default(
            exception.type, context.deployment.rest_api.gateway_responses
        )
        templates = settings.get("responseTemplates") or {}
        variables = template_variables(context)
        if templates and templates != DEFAULT_TEMPLATES:
            media_type = choose_template(templates, variables["method"]["request"]["header"])
            response.set_data(render(templates[media_type], variables))
            response.headers["Content-Type"] = media_type
        for name, expression in (settings.get("responseParameters") or {}).items():
            value = header_value(expression, variables)
            if name.startswith(HEADER_PREFIX) and value is not None:
                response.headers[name.removeprefix(HEADER_PREFIX)] = value
        return response


def template_variables(context: RestApiInvocationContext) -> dict[str, Any]:
    """What templates and header mappings can refer to, as a tree of their dotted names."""
    request = context.invocation_request or {}
    names = dict(context.context_variables or {})
    error = dict(names.get("error") or {})
    # The one variable that comes quoted, so that templates can place it in JSON as it is.
    error["messageString"] = json.dumps(error.get("message"))
    names["error"] = error
    return {
        "context": names,
        "stageVariables": context.stage_variables or {},
        "method": {
            "request": {
                "header": request.get("headers") or Headers(),
                "path": request.get("path_parameters") or {},
                "querystring": request.get("query_string_parameters") or {},
            }
        },
    }


def choose_template(templates: Mapping[str, str], headers: Mapping[str, str]) -> str:
    """Media type of the template for a request: accepted by it, or JSON, or the first."""
    for accepted in (headers.get("Accept") or "").split(","):
        media_type = accepted.split(";")[0].strip().lower()
        if media_type in templates:
            return media_type
    return "application/json" if "application/json" in templates else next(iter(templates))


def render(template: str, variables: Mapping[str, Any]) -> str:
    """Replace the variables of a template; unknown ones become empty."""

    def replace(match: re.Match[str]) -> str:
        name = match["braced"] or match["plain"]
        if name.split(".")[0] not in variables:
            return match[0]
        return _text(_lookup(name, variables)) or ""

    return _VARIABLE.sub(replace, template)


def header_value(expression: str, variables: Mapping[str, Any]) -> str | None:
    """Value of a header mapping: a literal in single quotes or the name of a variable."""
    if len(expression) >= 2 and expression[0] == expression[-1] == "'":
        return expression[1:-1]
    return _text(_lookup(expression, variables))


def _lookup(name: str, variables: Mapping[str, Any]) -> Any:
    value: Any = variables
    for part in name.split("."):
        # Headers is no Mapping but has the same get, without regard to case.
        value = value.get(part) if isinstance(value, Mapping | Headers) else None
    return value


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, default=str)
