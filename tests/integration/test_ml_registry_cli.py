import json
from dataclasses import replace
from datetime import date

import pytest
from ml_pipeline_support import MODEL
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool
from typer.testing import CliRunner, Result

from quant.cli import app
from quant.db.session import write
from quant.ml import registry
from quant.ml.registry import NewVersion
from quant.vocabulary import Verdict

FIRST = NewVersion(
    model=MODEL,
    run="a",
    tracking_run=None,
    sha256="a" * 64,
    dataset="v1-f1",
    trained_through=date(2020, 1, 1),
    verdict=Verdict.ACCEPTED,
    reasons=(),
    evaluation={},
    synthetic=True,
)


@pytest.fixture(scope="module", autouse=True)
def registered(api, database):
    """A champion, and a version that was refused."""
    write(lambda connection: registry.publish(connection, FIRST))
    refused = replace(FIRST, run="b", sha256="b" * 64, verdict=Verdict.REFUSED, reasons=("no",))
    write(lambda connection: registry.publish(connection, refused))


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(app, ["ml", *arguments], env={"COLUMNS": "200", **environment})


def test_an_operator_promotes_rolls_back_and_switches(database) -> None:
    answer = run("promote", MODEL, "2", "--reason", "to watch it")
    assert answer.stdout == f"version 2 of {MODEL} is the champion\n"
    shown = run("models").stdout
    assert "predicts nothing" in shown
    [line] = [line for line in shown.splitlines() if MODEL in line]
    assert [cell.strip() for cell in line.split("│")][2:4] == ["2", "b"]
    assert run("switch", MODEL, "--off", "--reason", "odd numbers").exit_code == 0
    assert "off: odd numbers" in run("models").stdout
    assert run("switch", MODEL, "--on", "--reason", "understood").stdout == f"{MODEL} is on\n"
    answer = run("rollback", MODEL, "--reason", "watched")
    assert answer.stdout == f"version 1 of {MODEL} is the champion\n"
    found = json.loads(run("models", "--json").stdout)
    assert found[MODEL]["version"] == 1
    assert [name for name, leader in found.items() if leader] == [MODEL]
    engine = create_engine(database.owner_url, poolclass=NullPool)
    with engine.connect() as connection:
        events = connection.execute(text("select kind, reason from model_events order by id")).all()
    assert [tuple(event) for event in events][2:] == [
        ("promoted", "to watch it"),
        ("disabled", "odd numbers"),
        ("enabled", "understood"),
        ("rolled_back", "watched"),
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("promote", MODEL, "9", "--reason", "no"), f"error: there is no version 9 of {MODEL}"),
        (("rollback", "trade-count-cycle", "--reason", "no"), "error: trade-count-cycle has no"),
        (("promote", "a-model", "1", "--reason", "no"), "'a-model' is none of"),
        (("rollback", MODEL), "Missing option '--reason'"),
        (("train", "--no-tracking"), "give --objects"),
        (("train", "--objects", "x"), "give --no-tracking"),
        (("train", "--objects", "x", "--model", "a-model"), "'a-model' is none of"),
        (("check", "--objects", "x", "--at", "June"), "a day is YYYY-MM-DD"),
    ],
)
def test_what_cannot_be_done_is_said(monkeypatch, arguments, said) -> None:
    for name in ("QUANT_ML_BUCKET", "QUANT_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    answer = run(*arguments)
    assert answer.exit_code in {1, 2}
    assert said in answer.output
