"""The segments that API Gateway and Lambda make themselves, and the trace header between them.

Every request is sampled, unless its client says otherwise; AWS samples a share.

https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html
"""

import contextlib
import secrets
import time
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any, override

from localstack.http import Response
from localstack.services.apigateway.next_gen.execute_api.api import (
    RestApiGatewayHandler,
    RestApiGatewayHandlerChain,
)
from localstack.services.apigateway.next_gen.execute_api.context import RestApiInvocationContext
from localstack.services.apigateway.next_gen.execute_api.handlers import InvocationResponseEnricher
from localstack.utils.xray.trace_header import TraceHeader

from quant_localstack.telemetry.collector import collector

HEADER = "X-Amzn-Trace-Id"

_gateway: ContextVar["GatewaySegment | None"] = ContextVar("gateway_segment", default=None)


def new_id() -> str:
    """Id of a segment."""
    return secrets.token_hex(8)


def header(root: str, parent: str, *, sampled: bool) -> str:
    """A trace header."""
    return f"Root={root};Parent={parent};Sampled={int(sampled)}"


class GatewaySegment:
    """What API Gateway does for one request."""

    def __init__(self, context: RestApiInvocationContext) -> None:
        incoming = TraceHeader.from_header_str(context.trace_id)
        self.root = str(incoming.root)
        self.document: dict[str, Any] = {
            "id": new_id(),
            "trace_id": self.root,
            "name": f"{context.api_id}/{context.stage}",
            "origin": "AWS::ApiGateway::Stage",
            "start_time": time.time(),
            "subsegments": [],
        }
        if "Parent" in (context.request.headers.get(HEADER) or ""):
            self.document["parent_id"] = incoming.parent

    @contextlib.contextmanager
    def call(self, function_arn: str) -> Iterator[str]:
        """Measure a call of a function; give the header to send to it."""
        call = {
            "id": new_id(),
            "name": "Lambda",
            "namespace": "aws",
            "start_time": time.time(),
            "aws": {"operation": "Invoke", "function_name": function_arn},
        }
        self.document["subsegments"].append(call)
        try:
            yield header(self.root, str(call["id"]), sampled=True)
        finally:
            call["end_time"] = time.time()

    def end(self, context: RestApiInvocationContext, status: int) -> None:
        """Send it."""
        variables = context.context_variables or {}
        self.document |= {
            "end_time": time.time(),
            "http": {
                # The resource and not the path, which has what a client put there.
                "request": {
                    "method": str(context.request.method),
                    "url": (context.resource or {}).get("path", ""),
                },
                "response": {"status": status},
            },
            "aws": {
                "api_gateway": {
                    "account_id": context.account_id,
                    "rest_api_id": context.api_id,
                    "stage": context.stage,
                    "request_id": variables.get("requestId"),
                }
            },
        }
        if status >= 500:
            self.document["fault"] = True
        elif status >= 400:
            self.document["error"] = True
            if status == 429:
                self.document["throttle"] = True
        # A function that outlives the integration's timeout still writes to the list.
        for call in self.document["subsegments"]:
            call.setdefault("end_time", self.document["end_time"])
        collector().send(self.document)


class BeginSegment(RestApiGatewayHandler):
    """Begins the segment of a request, once it has its trace header."""

    @override
    def __call__(
        self,
        chain: RestApiGatewayHandlerChain,
        context: RestApiInvocationContext,
        response: Response,
    ) -> None:
        _gateway.set(None)
        refused = "Sampled=0" in (context.request.headers.get(HEADER) or "")
        if refused or not (context.stage_configuration or {}).get("tracingEnabled"):
            return
        segment = GatewaySegment(context)
        _gateway.set(segment)
        context.trace_id = header(segment.root, segment.document["id"], sampled=True)


class EndSegment(InvocationResponseEnricher):
    """Sends the segment of a request with its answer, after the core has completed that."""

    @override
    def __call__(
        self,
        chain: RestApiGatewayHandlerChain,
        context: RestApiInvocationContext,
        response: Response,
    ) -> None:
        super().__call__(chain, context, response)
        segment = _gateway.get()
        if segment is not None:
            _gateway.set(None)
            segment.end(context, response.status_code)


@contextlib.contextmanager
def gateway_call(function_arn: str) -> Iterator[dict[str, str]]:
    """Measure a call of a function for the present request; give the headers to send to it."""
    segment = _gateway.get()
    if segment is None:
        yield {}
        return
    with segment.call(function_arn) as trace_header:
        yield {HEADER: trace_header}


class FunctionSegments:
    """What Lambda does for one event: the segments of the service and of the function.

    Args:
        incoming: the trace header that the event came with.
        active: whether the function asks for traces of events that came without a decision.
    """

    def __init__(self, incoming: str, *, active: bool) -> None:
        parsed = TraceHeader.from_header_str(incoming).ensure_root_exists()
        self._root = str(parsed.root)
        self._parent = parsed.parent
        self._sampled = bool(parsed.sampled) or (active and parsed.sampled is None)
        self._service, self._function = new_id(), new_id()
        self._started = time.time()

    @property
    def header(self) -> str:
        """What the function gets to know."""
        return header(self._root, self._function, sampled=self._sampled)

    @property
    def report(self) -> list[str]:
        """Fields of the report in the function's log."""
        if not self._sampled:
            return []
        return [f"XRAY TraceId: {self._root}", f"SegmentId: {self._service}", "Sampled: true"]

    def end(
        self,
        *,
        name: str,
        arn: str,
        request_id: str,
        init_seconds: float,
        is_error: bool,
    ) -> None:
        """Send both."""
        if not self._sampled:
            return
        ended = time.time()
        common = {"trace_id": self._root, "name": name, "end_time": ended, "fault": is_error}
        service = {
            **common,
            "id": self._service,
            "origin": "AWS::Lambda",
            "start_time": self._started,
            "resource_arn": arn,
            "aws": {"request_id": request_id},
            "http": {"response": {"status": 200}},
        }
        if self._parent:
            service["parent_id"] = self._parent
        function: dict[str, Any] = {
            **common,
            "id": self._function,
            "parent_id": self._service,
            "origin": "AWS::Lambda::Function",
            "start_time": self._started,
            "aws": {"function_arn": arn, "request_id": request_id},
        }
        if init_seconds:
            initialization = {
                "id": new_id(),
                "name": "Initialization",
                "start_time": self._started - init_seconds,
                "end_time": self._started,
            }
            function["subsegments"] = [initialization]
        for document in (service, function):
            collector().send(document)
