import threading
import uuid
from dataclasses import replace
from datetime import date

import pytest
from ml_pipeline_support import MODEL, frame_of, keep_run
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from quant.errors import ConflictError, NotFoundError
from quant.ml import registry
from quant.ml.objects import Folder
from quant.ml.pipeline.publish import publish
from quant.ml.registry import NewVersion
from quant.ml.tracking import Registered
from quant.vocabulary import Verdict

ACTOR = uuid.UUID(int=1)


@pytest.fixture
def engine(database):
    # As the application, which is what requests and tasks are.
    engine = create_engine(database.url, poolclass=NullPool)
    yield engine
    owner = create_engine(database.owner_url, poolclass=NullPool)
    with owner.begin() as connection:
        for table in ("champions", "model_versions", "model_events"):
            connection.execute(text(f"delete from {table}"))


@pytest.fixture
def objects(tmp_path):
    return Folder(tmp_path)


def version(run: str, *, verdict: Verdict = Verdict.ACCEPTED, model: str = MODEL) -> NewVersion:
    return NewVersion(
        model=model,
        run=run,
        tracking_run=None,
        sha256=f"{int(run):064x}",
        dataset="v1-f1",
        trained_through=date(2020, 1, 1),
        verdict=verdict,
        reasons=("no better than zero",) if verdict is Verdict.REFUSED else (),
        evaluation={"metrics": {}},
        synthetic=True,
    )


def events(engine) -> list[tuple[object, ...]]:
    query = "select kind, version, previous_version, reason from model_events order by id"
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def leader(engine, model: str = MODEL) -> int | None:
    with engine.connect() as connection:
        found = registry.champion(connection, model)
    return found.version if found else None


def publish_versions(engine, *runs: str) -> None:
    with engine.begin() as connection:
        for run in runs:
            registry.publish(connection, version(run))


def test_a_run_registers_a_version_once(engine) -> None:
    for _ in range(2):
        with engine.begin() as connection:
            assert registry.publish(connection, version("10")) == 1
    assert leader(engine) == 1
    assert events(engine) == [("promoted", 1, None, None)]


def test_a_run_that_gives_another_artifact_is_an_error(engine) -> None:
    publish_versions(engine, "10")
    with engine.begin() as connection, pytest.raises(ConflictError, match="another artifact"):
        registry.publish(connection, replace(version("10"), sha256="f" * 64))


def test_a_refused_version_does_not_lead(engine) -> None:
    publish_versions(engine, "10")
    with engine.begin() as connection:
        registry.publish(connection, version("11", verdict=Verdict.REFUSED))
    assert leader(engine) == 1
    assert events(engine)[-1] == ("refused", 2, 1, "no better than zero")
    with engine.connect() as connection:
        assert registry.candidates(connection, MODEL) == [(1, f"{10:064x}")]


def test_the_tracking_servers_number_is_taken_if_it_is_free(engine) -> None:
    with engine.begin() as connection:
        assert registry.publish(connection, version("10"), 4) == 4
        assert registry.publish(connection, version("11"), 2) == 5
        assert registry.publish(connection, version("12")) == 6
        assert registry.publish(connection, version("13", model="another"), 2) == 2


def test_rollback_leads_back_and_forgets_what_was_rolled_back(engine) -> None:
    publish_versions(engine, "10", "11", "12")
    with engine.begin() as connection:
        assert registry.candidates(connection, MODEL) == [
            (3, f"{12:064x}"),
            (2, f"{11:064x}"),
            (1, f"{10:064x}"),
        ]
        assert registry.rollback(connection, MODEL, ACTOR, "wrong") == 2
        assert [number for number, _ in registry.candidates(connection, MODEL)] == [2, 1]
        registry.promote(connection, MODEL, 3, ACTOR, "right after all")
        assert [number for number, _ in registry.candidates(connection, MODEL)] == [3, 2, 1]
        assert registry.rollback(connection, MODEL, ACTOR, "no") == 2
        assert registry.rollback(connection, MODEL, ACTOR, "no") == 1
        with pytest.raises(ConflictError, match="no champion before version 1"):
            registry.rollback(connection, MODEL, ACTOR, "no")
    assert events(engine)[3:5] == [
        ("rolled_back", 2, 3, "wrong"),
        ("promoted", 3, 2, "right after all"),
    ]


def test_promotion_takes_a_refused_version_and_no_other(engine) -> None:
    publish_versions(engine, "10")
    with engine.begin() as connection:
        registry.publish(connection, version("11", verdict=Verdict.REFUSED))
        registry.promote(connection, MODEL, 2, ACTOR, "to watch it")
    assert leader(engine) == 2
    with engine.begin() as connection:
        with pytest.raises(ConflictError, match="is the champion"):
            registry.promote(connection, MODEL, 2, ACTOR, "again")
        with pytest.raises(NotFoundError, match="no version 7"):
            registry.promote(connection, MODEL, 7, ACTOR, "what for")
        with pytest.raises(NotFoundError, match="no champion"):
            registry.rollback(connection, "another", ACTOR, "what for")


def test_the_kill_switch_stays_off_when_the_champion_changes(engine) -> None:
    publish_versions(engine, "10")
    with engine.begin() as connection:
        registry.switch(connection, MODEL, disabled=True, actor=ACTOR, reason="odd numbers")
        with pytest.raises(ConflictError, match="disabled already"):
            registry.switch(connection, MODEL, disabled=True, actor=ACTOR, reason="odd numbers")
    publish_versions(engine, "11")
    with engine.begin() as connection:
        found = registry.champion(connection, MODEL)
        assert found is not None
        assert (found.version, found.disabled, found.disabled_reason) == (2, True, "odd numbers")
        registry.switch(connection, MODEL, disabled=False, actor=ACTOR, reason="understood")
        assert registry.champions(connection)[MODEL].disabled_reason is None
        with pytest.raises(NotFoundError):
            registry.switch(connection, "another", disabled=True, actor=ACTOR, reason="no")
    assert [event[0] for event in events(engine)] == [
        "promoted",
        "disabled",
        "promoted",
        "enabled",
    ]


def test_the_gate_lets_a_better_version_lead_and_refuses_others(engine, objects) -> None:
    for run, error, wanted in (("first", 1.0, 1), ("better", 0.8, 2), ("worse!", 1.2, 2)):
        keep_run(objects, run, error)
        with engine.begin() as connection:
            found = publish(connection, objects, run, MODEL)
        assert leader(engine) == wanted
        assert found.leads == (found.version == wanted)
    assert found.verdict is Verdict.REFUSED
    assert found.reasons[0].startswith("does not beat the champion, version 2: p = ")
    assert found.reasons[0].endswith("on 1500 common rows")
    with engine.connect() as connection:
        kept = connection.scalar(
            text("select evaluation->'champion' from model_versions where version = 2")
        )
    assert kept["version"] == 1
    assert kept["comparison"]["n"] == 1500
    assert 0 < kept["comparison"]["p_value"] < 0.05


def test_the_gate_refuses_what_is_not_better_than_the_baselines(engine, objects) -> None:
    keep_run(objects, "first", 0.1, verdict="refused")
    with engine.begin() as connection:
        found = publish(connection, objects, "first", MODEL)
    assert found.reasons == ("no better than zero",)
    assert leader(engine) is None


def test_the_same_predictions_do_not_replace_the_champion(engine, objects) -> None:
    # The same length of name: the same errors.
    for run in ("one", "two"):
        keep_run(objects, run, 0.5)
        with engine.begin() as connection:
            found = publish(connection, objects, run, MODEL)
    assert found.verdict is Verdict.REFUSED
    assert "no p-value" in found.reasons[0]


def test_only_common_rows_are_compared(engine, objects) -> None:
    keep_run(objects, "first", 1.0, frame=frame_of(1000))
    keep_run(objects, "later on", 0.5, frame=frame_of(900, first=600))
    for run in ("first", "later on"):
        with engine.begin() as connection:
            found = publish(connection, objects, run, MODEL)
    assert found.leads
    query = text(
        "select evaluation->'champion'->'comparison'->>'n' from model_versions where version = 2"
    )
    with engine.connect() as connection:
        assert connection.scalar(query) == "400"


def test_a_champion_without_record_stays(engine, objects) -> None:
    keep_run(objects, "first", 1.0)
    with engine.begin() as connection:
        publish(connection, objects, "first", MODEL)
    (objects.root / "runs" / "first" / MODEL / "record.parquet").unlink()
    keep_run(objects, "better", 0.1)
    with engine.begin() as connection:
        found = publish(connection, objects, "better", MODEL)
    assert found.reasons == ("the record of the champion, version 1, is missing",)


def test_publication_is_repeated_without_effect(engine, objects) -> None:
    keep_run(objects, "first", 1.0)
    keep_run(objects, "better", 0.5)
    for run in ("first", "better", "first"):
        with engine.begin() as connection:
            found = publish(connection, objects, run, MODEL, tracked=Registered(9, "abc"))
    assert (found.version, found.verdict, found.leads) == (9, Verdict.ACCEPTED, False)
    assert len(events(engine)) == 2


def test_versions_published_at_once_meet_each_other(engine, objects) -> None:
    """Both are better than the champion, and only one of them than the other."""
    keep_run(objects, "champion", 2.0)
    with engine.begin() as connection:
        publish(connection, objects, "champion", MODEL)
    keep_run(objects, "good", 0.5)
    keep_run(objects, "better than good", 0.3)
    start = threading.Barrier(2)

    def go(run: str) -> None:
        with engine.begin() as connection:
            start.wait()
            publish(connection, objects, run, MODEL)

    threads = [threading.Thread(target=go, args=(run,)) for run in ("good", "better than good")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    query = text(
        "select run, version, evaluation->'champion'->>'version' from model_versions"
        " order by version"
    )
    with engine.connect() as connection:
        rows = [tuple(row) for row in connection.execute(query)]
        found = registry.champion(connection, MODEL)
    assert found is not None
    assert found.run == "better than good"
    # The later one was compared with whatever led then, not with what led when it began.
    assert [row[1] for row in rows] == [1, 2, 3]
    assert rows[2][2] == "2"
