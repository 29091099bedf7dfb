import json

import pytest
from supervisor.state import State
from supervisor.traces import find, render, tree

TRACE, OTHER = "1-67891233-abcdef012345678912345678", "1-00000000-abcdef012345678912345678"


def span(span_id, name, start, end, **fields):
    return {"id": span_id, "name": name, "start_time": start, "end_time": end, **fields}


GATEWAY = span(
    "a",
    "api/local",
    10.0,
    10.5,
    trace_id=TRACE,
    origin="AWS::ApiGateway::Stage",
    aws={"api_gateway": {"request_id": "request"}},
    http={"response": {"status": 200}},
    subsegments=[span("b", "Lambda", 10.1, 10.4, namespace="aws")],
)
SERVICE = span(
    "c", "f", 10.2, 10.4, trace_id=TRACE, parent_id="b", aws={"request_id": "invocation"}
)
QUERY = span("e", "postgres", 10.3, 10.35, sql={"sanitized_query": "select 1"})
OWN = span(
    "d",
    "trades.list",
    10.25,
    10.4,
    trace_id=TRACE,
    parent_id="c",
    annotations={"request_id": "request"},
    subsegments=[QUERY],
)
STRANGER = span("z", "f", 1.0, 2.0, trace_id=OTHER, parent_id="lost", aws={"request_id": "other"})


@pytest.fixture
def state(tmp_path):
    state = State("some", tmp_path)
    state.localstack.mkdir(parents=True)
    older, newer = [OWN], [SERVICE, STRANGER, GATEWAY]
    for name, documents in (("traces.jsonl.1", older), ("traces.jsonl", newer)):
        lines = "".join(f"{json.dumps(document)}\n" for document in documents)
        (state.localstack / name).write_text(lines + '{"half": ')
    return state


@pytest.mark.parametrize("wanted", [TRACE, "request", "invocation"])
def test_a_trace_is_found_by_any_of_its_ids_and_put_together(state, wanted):
    trace = find(state, wanted)
    assert trace.trace_id == TRACE
    found = [(depth, each.document["name"]) for depth, each in trace.walk()]
    assert found == [(0, "api/local"), (1, "Lambda"), (2, "f"), (3, "trades.list"), (4, "postgres")]
    assert trace.ids() == {TRACE, "request", "invocation"}


def test_nothing_is_found_by_an_unknown_id(state):
    assert find(state, "nobody") is None
    assert find(State("none", state.root), TRACE) is None


def test_spans_whose_parent_did_not_arrive_are_roots():
    roots = tree([OWN, STRANGER])
    assert [root.document["id"] for root in roots] == ["z", "d"]


def test_a_tree_is_printed_with_times_from_its_beginning(state):
    lines = render(find(state, "request"), []).splitlines()
    assert lines[0] == f"trace {TRACE}"
    assert lines[3].split() == ["0.0", "500.0", "api/local", "[AWS::ApiGateway::Stage]", "200"]
    assert lines[-1].split() == ["300.0", "50.0", "postgres", "select", "1"]
