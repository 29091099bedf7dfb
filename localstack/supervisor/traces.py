"""Traces that the local cloud recorded, and the log lines that belong to them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3

from supervisor.state import State, read_json

_LOG_GROUPS = "/aws/"
# Lines are stamped when an invocation has ended, by another clock than spans; milliseconds.
_AROUND = 10_000


@dataclass
class Span:
    """A segment or a subsegment, with those it contains or caused.

    Attributes:
        document: as X-Ray has it, without its subsegments.
        children: in the order in which they began.
    """

    document: dict[str, Any]
    children: list["Span"] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """What made it: the origin of a segment, the namespace of a call, or nothing."""
        return str(self.document.get("origin") or self.document.get("namespace") or "")

    @property
    def seconds(self) -> float:
        """How long it took."""
        return float(self.document["end_time"] - self.document["start_time"])

    def walk(self, depth: int = 0) -> Iterator[tuple[int, "Span"]]:
        """Yield it and all below it, each with its depth."""
        yield depth, self
        for child in self.children:
            yield from child.walk(depth + 1)

    def to_json(self) -> dict[str, Any]:
        """Return it as nested objects."""
        return {**self.document, "children": [child.to_json() for child in self.children]}


@dataclass
class Trace:
    """One request or event.

    Attributes:
        trace_id: the root of its trace header.
        roots: spans whose parent is not in the trace; one, where all arrived.
    """

    trace_id: str
    roots: list[Span]

    def walk(self) -> Iterator[tuple[int, Span]]:
        """Yield all spans, each with its depth."""
        for root in self.roots:
            yield from root.walk()

    def ids(self) -> set[str]:
        """Return the ids by which log lines belong to it."""
        found = {self.trace_id}
        for _, span in self.walk():
            aws = span.document.get("aws", {})
            found |= {aws.get("request_id"), aws.get("api_gateway", {}).get("request_id")}
            found.add(span.document.get("annotations", {}).get("request_id"))
        return {str(each) for each in found if each}

    def window(self) -> tuple[int, int]:
        """Return when its log lines were written, milliseconds since the epoch."""
        times = [span.document[name] for _, span in self.walk() for name in _TIMES]
        return int(min(times) * 1000) - _AROUND, int(max(times) * 1000) + _AROUND


_TIMES = ("start_time", "end_time")


@dataclass
class Line:
    """One event of a log.

    Attributes:
        group: name of its log group.
        at: when it was stored, milliseconds since the epoch.
        message: its text.
    """

    group: str
    at: int
    message: str


def find(state: State, wanted: str) -> Trace | None:
    """Return the trace with this id, or that of the request or invocation with it."""
    documents = list(_documents(state))
    named = [each["trace_id"] for each in documents if wanted in _names(each)]
    if not named:
        return None
    return Trace(named[-1], tree([each for each in documents if each["trace_id"] == named[-1]]))


def tree(documents: list[dict[str, Any]]) -> list[Span]:
    """Return the spans of a trace that have no parent in it, with all others below them."""
    spans: dict[str, Span] = {}
    parents: dict[str, str | None] = {}

    def add(document: dict[str, Any], parent: str | None) -> None:
        parts = document.get("subsegments", [])
        own = {name: value for name, value in document.items() if name != "subsegments"}
        spans[document["id"]] = Span(own)
        parents[document["id"]] = parent
        for part in parts:
            add(part, document["id"])

    for document in documents:
        add(document, document.get("parent_id"))
    roots: list[Span] = []
    for span_id, span in sorted(spans.items(), key=lambda item: item[1].document["start_time"]):
        parent = spans.get(parents[span_id] or "")
        (parent.children if parent else roots).append(span)
    return roots


def lines_of(state: State, wanted: str, trace: Trace | None) -> list[Line]:
    """Return all log lines that name a request, or one of the invocations of its trace."""
    environment = read_json(state.run_file)["environment"]
    logs = boto3.client(
        "logs",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name=environment["AWS_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )
    ids = {wanted, *(trace.ids() if trace else ())}
    window = dict(zip(("startTime", "endTime"), trace.window(), strict=True)) if trace else {}
    groups = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=_LOG_GROUPS)
    found: list[Line] = []
    for group in (group["logGroupName"] for page in groups for group in page["logGroups"]):
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, **window)
        found += [
            Line(group, event["timestamp"], event["message"].rstrip("\n"))
            for page in pages
            for event in page["events"]
            if any(each in event["message"] for each in ids)
        ]
    return sorted(found, key=lambda line: line.at)


def render(trace: Trace | None, lines: list[Line]) -> str:
    """Return a trace as an indented tree with times in milliseconds, and its log lines."""
    shown = []
    if trace:
        spans = list(trace.walk())
        start = min(span.document["start_time"] for _, span in spans)
        shown.append(f"trace {trace.trace_id}\n")
        shown.append(f"{'at ms':>9} {'took ms':>9}")
        for depth, span in spans:
            at = (span.document["start_time"] - start) * 1000
            shown.append(f"{at:9.1f} {span.seconds * 1000:9.1f}  {'  ' * depth}{_title(span)}")
        shown.append("")
    for line in lines:
        at = datetime.fromtimestamp(line.at / 1000, UTC).time().isoformat("milliseconds")
        shown.append(f"{at} {line.group}\n    {line.message}")
    return "\n".join(shown)


def _title(span: Span) -> str:
    document = span.document
    metadata = document.get("metadata", {})
    words = [document["name"], f"[{span.kind}]" if span.kind else ""]
    words.append(str(document.get("http", {}).get("response", {}).get("status", "")))
    words += [flag for flag in ("error", "throttle", "fault") if document.get(flag)]
    words.append(str(document.get("sql", {}).get("sanitized_query", ""))[:80])
    words.append(str(document.get("aws", {}).get("operation", "")))
    words.append(str(metadata.get("command") or ", ".join(metadata.get("commands", []))))
    return " ".join(word for word in words if word)


def _names(document: dict[str, Any]) -> set[str]:
    aws = document.get("aws", {})
    return {
        document["trace_id"],
        str(aws.get("request_id")),
        str(aws.get("api_gateway", {}).get("request_id")),
        str(document.get("annotations", {}).get("request_id")),
    }


def _documents(state: State) -> Iterator[dict[str, Any]]:
    file = state.localstack / "traces.jsonl"
    for path in (file.with_name(f"{file.name}.1"), file):
        yield from _read(path)


def _read(path: Path) -> Iterator[dict[str, Any]]:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return
    for line in content.splitlines():
        # The last may be half written.
        if line.startswith(b"{") and line.endswith(b"}"):
            yield json.loads(line)
