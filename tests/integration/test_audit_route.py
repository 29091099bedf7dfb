import uuid
from datetime import UTC, datetime, timedelta

import pytest
from audit_support import ORIGIN, verified
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool
from tests.integration.conftest import authorizer_context

from quant.audit import record_or_queue
from quant.audit.entries import Entry
from quant.audit.log import append
from quant.db.session import write
from quant.origin import Origin
from quant.vocabulary import AuditEvent

AUDIT = "/api/v1/admin/audit"
ADMIN, SOMEBODY = uuid.uuid4(), uuid.uuid4()
OTHER_NETWORK = Origin("request-2", "198.51.100.0/24", None)


@pytest.fixture(scope="module")
def entries(api):
    """Thirty entries of two events, actors, targets and networks; the oldest was queued."""
    late = Entry.of(
        AuditEvent.LOGIN_FAILED, actor=SOMEBODY, target="late", origin=ORIGIN, details={"n": 1}
    )
    object.__setattr__(late, "occurred_at", datetime.now(UTC) - timedelta(hours=2))
    write(lambda connection: append(connection, late))
    for number in range(29):
        record_or_queue(
            AuditEvent.LOGIN_FAILED if number % 2 else AuditEvent.TIER_CHANGED,
            actor=SOMEBODY if number % 3 else None,
            target=f"target-{number % 5}",
            origin=OTHER_NETWORK if number % 7 else ORIGIN,
            details={"number": number},
        )


@pytest.fixture
def get(api, entries):
    context = authorizer_context(ADMIN)

    def get(query=None, **event):
        return api.get(AUDIT, query, authorizer=context, **event)

    return get


def listed(answer):
    assert answer.status == 200, answer.body
    return [entry for entry in answer.json["data"] if entry["event"] != "admin_read"]


def test_entries_come_newest_first_with_all_they_say(get):
    answer = get({"limit": 100})
    rows = listed(answer)
    assert [row["sequence"] for row in rows] == sorted(
        (row["sequence"] for row in rows), reverse=True
    )
    assert len(rows) == 30
    oldest = rows[-1]
    assert (oldest["target"], oldest["actor"], oldest["details"], oldest["tags"]) == (
        "late",
        str(SOMEBODY),
        {"n": 1},
        ["security"],
    )
    assert (oldest["network"], oldest["request_id"], oldest["user_agent_hash"]) == (
        "203.0.113.0/24",
        "request-1",
        "9f86d081884c7d65",
    )
    assert oldest["occurred_at"] < oldest["recorded_at"]
    assert len(oldest["hash"]) == 64
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"event": "tier_changed"}, 15),
        ({"actor": str(SOMEBODY)}, 20),
        ({"actor": str(uuid.uuid4())}, 0),
        ({"target": "target-1"}, 6),
        ({"network": "198.51.100.0/24"}, 24),
        ({"request_id": "request-1"}, 6),
        ({"event": "login_failed", "target": "target-1"}, 3),
    ],
)
def test_filters_narrow_the_list(get, query, found):
    assert len(listed(get({**query, "limit": 100}))) == found


def test_times_are_those_of_the_events(get):
    hour_ago = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    assert [row["target"] for row in listed(get({"to": hour_ago}))] == ["late"]
    assert len(listed(get({"from": hour_ago, "limit": 100}))) == 29


def test_pages_cover_the_list_while_reading_it_adds_to_it(api, entries):
    context = authorizer_context(ADMIN)
    seen, cursor = [], {}
    while True:
        answer = api.get(AUDIT, {"limit": 7, **cursor}, authorizer=context)
        seen += [row["sequence"] for row in listed(answer)]
        following = answer.json["page"]["next_cursor"]
        if following is None:
            break
        cursor = {"cursor": following}
    assert len(seen) == len(set(seen)) == 30
    assert api.get(AUDIT, {"event": "exported", **cursor}, authorizer=context).status == 422


def test_reading_is_itself_on_record(get, database):
    before = verified(database).end.sequence
    get({"target": "target-3", "limit": 2})
    (entry,) = get({"event": "admin_read", "limit": 1}).json["data"]
    assert entry["sequence"] == before + 1
    assert (entry["actor"], entry["target"]) == (str(ADMIN), "audit_log")
    assert entry["details"] == {"filters": {"target": "target-3"}, "rows": 2}
    verified(database)


def test_only_administrators_may_read(api, entries):
    plain = authorizer_context(scope="read account")
    assert api.get(AUDIT, authorizer=plain).status == 403


@pytest.mark.parametrize(
    "query",
    [
        {"event": "made_up"},
        {"actor": "x"},
        {"network": "203.0.113.7/24"},
        {"network": "x"},
        {"from": "2026-11-24"},
        {"from": "2026-11-24T00:00:00"},
        {"target": ""},
        {"target": "nul\x00"},
        {"target": "x" * 513},
        {"occurred_from": "2026-11-24T00:00:00Z"},
        {"limit": 101},
        {"cursor": "x"},
    ],
)
def test_a_wrong_parameter_is_named(get, query):
    answer = get(query)
    assert answer.status == 422
    assert answer.json["errors"][0]["location"].startswith(f"query.{next(iter(query))}")


def test_without_postgres_nothing_is_read_unrecorded(get, postgres):
    postgres.kill()
    try:
        assert get().status == 503
    finally:
        postgres.start()
        postgres.wait_ready()


def test_a_month_filter_reads_no_month_before(database):
    engine = create_engine(database.url, poolclass=NullPool)
    with engine.connect() as connection:
        plan = "\n".join(
            connection.scalars(
                text(
                    "explain select * from audit_log where recorded_at >= '2027-01-01'"
                    " order by sequence desc limit 50"
                )
            )
        )
    assert "audit_log_2027_01" in plan
    assert "audit_log_2026" not in plan
