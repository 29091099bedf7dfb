import importlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool
from supervisor.database import APP_ROLE
from tests.integration.conftest import FUNCTIONS, reset_process

import quant.settings
from quant.db.session import read, write
from quant.errors import NotFoundError
from quant.ingest.seed import seed
from quant.ml import layout, registry
from quant.ml.artifact import Artifact
from quant.ml.objects import Folder, MlBucket
from quant.ml.pipeline.evaluate import evaluate
from quant.ml.pipeline.fit import fit
from quant.ml.pipeline.predict import predict_all
from quant.ml.pipeline.prepare import prepare
from quant.ml.pipeline.publish import publish
from quant.ml.pipeline.runs import load_plan, load_run
from quant.ml.pipeline.settings import RunSettings

TRAINER = Path(__file__).resolve().parents[1] / "ml_trainer.py"
# Of the synthetic sample the outcomes of 21 days are all known.
MODELS = ["abnormal-return-63", "trades-ticker-next-month", "trade-count-regime"]
SETTINGS = {"models": MODELS, "folds": 2}


@pytest.fixture(scope="module")
def environment(database) -> Iterator[dict[str, str]]:
    """The variables of a process on a database with the synthetic sample."""
    seed(create_engine(database.owner_url, poolclass=NullPool))
    variables = {
        "QUANT_ENVIRONMENT": "local",
        "QUANT_DATABASE_HOST": "127.0.0.1",
        "QUANT_DATABASE_PORT": str(database.server.port),
        "QUANT_DATABASE_NAME": database.name,
        "QUANT_DATABASE_SECRET_ARN": "database",
        "QUANT_DATABASE_TLS": "false",
        "OPENBLAS_NUM_THREADS": "1",
    }
    secret = json.dumps({"username": APP_ROLE, "password": database.passwords[APP_ROLE]})
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        patch.setattr(quant.settings, "read_secret", lambda _: secret)
        reset_process()
        yield {**variables, "TEST_DATABASE_PASSWORD": database.passwords[APP_ROLE]}
        reset_process()


@pytest.fixture
def engine(environment, database):
    """The owner's engine, on a registry without models."""
    engine = create_engine(database.owner_url, poolclass=NullPool)
    with engine.begin() as connection:
        for table in ("predictions", "champions", "model_versions", "model_events"):
            connection.execute(text(f"delete from {table}"))
    return engine


@pytest.fixture(scope="module")
def trained(environment, tmp_path_factory) -> tuple[Path, dict[str, Any]]:
    """A folder with a run that nothing interrupted, and what its trainer said."""
    folder = tmp_path_factory.mktemp("trained")
    return folder, finish(start(environment, folder))


def start(environment: dict[str, str], folder: Path, *stop: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(TRAINER), str(folder), json.dumps(SETTINGS), *stop],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> dict[str, Any]:
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    answer: dict[str, Any] = json.loads(output)
    return answer


def kill_when_there(process: subprocess.Popen[str]) -> None:
    """Kill -9 a trainer once it has come to where it stops, and see its processes end."""
    assert process.stdout is not None
    assert process.stdout.readline().startswith("at ")
    children = psutil.Process(process.pid).children(recursive=True)
    assert children
    process.kill()
    process.wait(60)
    process.stdout.close()
    _, alive = psutil.wait_procs(children, timeout=60)
    assert alive == []


def versions(engine) -> list[tuple[str, int, str, str]]:
    query = "select model, version, run, sha256 from model_versions order by model, version"
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def publish_all(folder: Path, run: str) -> None:
    for model in MODELS:
        write(lambda connection, name=model: publish(connection, Folder(folder), run, name))


def files(folder: Path) -> dict[str, tuple[int, int]]:
    """Return the identity of each file below a folder: a file that is written again has another."""
    return {
        str(path.relative_to(folder)): (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_killed_trainer_goes_on_where_it_was(environment, engine, trained, tmp_path) -> None:
    unharmed, said = trained
    kill_when_there(start(environment, tmp_path, "fit", "4"))
    fitted = {name: place for name, place in files(tmp_path).items() if "/fits/" in name}
    planned = load_plan(Folder(tmp_path), said["run"])
    assert 4 <= len(fitted) <= len(planned)
    assert versions(engine) == []

    kill_when_there(start(environment, tmp_path, "publish", "1"))
    assert len(versions(engine)) == 1
    before = files(tmp_path)
    assert fitted.items() <= before.items()

    assert finish(start(environment, tmp_path)) == {
        "run": said["run"],
        "versions": dict.fromkeys(sorted(MODELS), 1),
    }
    assert files(tmp_path) == before
    found = versions(engine)
    assert [(model, version) for model, version, _, _ in found] == [
        (model, 1) for model in sorted(MODELS)
    ]
    # As if nothing had happened: the same artifacts as the run that was left alone.
    for model, _, run, digest in found:
        assert run == said["run"]
        assert (unharmed / layout.artifact_key(model, digest)).exists()


def test_the_same_run_gives_the_same_artifact_and_no_second_version(
    environment, engine, trained, tmp_path
) -> None:
    folder, said = trained
    publish_all(folder, said["run"])
    digests = versions(engine)
    assert len(digests) == len(MODELS)
    # Once more with everything it has made at hand, and once from nothing.
    for place in (folder, tmp_path):
        assert finish(start(environment, place)) == said
        assert versions(engine) == digests
    for model, _, _, digest in digests:
        content = Folder(tmp_path).get(layout.artifact_key(model, digest))
        assert layout.sha256(content) == digest
        artifact = Artifact.load(content)
        assert (artifact.model, artifact.run) == (model, said["run"])
        assert artifact.synthetic


def test_another_seed_is_another_run(environment, engine, trained) -> None:
    folder, said = trained
    with_seed = RunSettings.of({**SETTINGS, "seed": 1})
    run = read(lambda connection: prepare(connection, Folder(folder), with_seed))
    assert run.run != said["run"]
    assert run.dataset == load_run(Folder(folder), said["run"]).dataset


def test_the_plan_is_an_array_of_inputs_of_the_fits(trained) -> None:
    folder, said = trained
    plan = json.loads((folder / "runs" / said["run"] / "plan.json").read_bytes())
    assert isinstance(plan, list)
    run = load_run(Folder(folder), said["run"])
    # A warm-up and two folds; two configurations of trees, one of counts.
    assert run.folds == dict.fromkeys(MODELS, 3)
    assert len(plan) == 3 * (2 + 2 + 1)
    assert all(each["run"] == run.run and each["model"] in MODELS for each in plan)
    assert fit(Folder(folder), plan[0]) is False


def test_a_model_with_too_few_rows_is_left_out(environment, engine, trained) -> None:
    folder, _ = trained
    settings = RunSettings.of({**SETTINGS, "minimum_train_rows": 10**6})
    run = read(lambda connection: prepare(connection, Folder(folder), settings))
    assert run.models == ()
    assert sorted(run.left_out) == sorted(MODELS)
    assert load_plan(Folder(folder), run.run) == []


def test_an_evaluation_needs_all_fits(environment, engine, trained, tmp_path) -> None:
    folder, said = trained
    copied = tmp_path / "objects"
    shutil.copytree(folder, copied)
    item = load_plan(Folder(copied), said["run"])[0]
    (copied / item.key).unlink()
    (copied / "runs" / said["run"] / item.model / "evaluation.json").unlink()
    with pytest.raises(NotFoundError, match="fold-00"):
        evaluate(Folder(copied), said["run"], item.model)
    assert fit(Folder(copied), item.document())
    again = evaluate(Folder(copied), said["run"], item.model)
    assert again == evaluate(Folder(folder), said["run"], item.model)


@pytest.fixture
def champions(environment, engine, trained) -> Path:
    """The folder of the run, whose versions an administrator has promoted, refused or not."""
    folder, said = trained
    publish_all(folder, said["run"])
    for model in MODELS:
        if read(lambda connection, name=model: registry.champion(connection, name)) is None:
            write(
                lambda connection, name=model: registry.promote(
                    connection, name, 1, None, "for the test"
                )
            )
    return folder


def test_predictions_are_stored_once(environment, engine, champions) -> None:
    dataset, made = predict_all(Folder(champions))
    stored = {each.model: each.stored for each in made}
    by_model = {each.model: each for each in made}
    assert by_model["abnormal-return-21"].reason == "there is no champion"
    assert all(stored[model] > 0 for model in MODELS)
    assert all(by_model[model].rows == stored[model] for model in MODELS)
    query = text(
        "select model, count(*), count(distinct id), bool_and(as_of > trained_through),"
        " bool_and(predictions.dataset = :dataset), bool_and(outcome is null)"
        " from predictions join model_versions using (model, version) group by model"
    )
    with engine.connect() as connection:
        rows = {
            row.model: tuple(row)[1:] for row in connection.execute(query, {"dataset": dataset})
        }
    assert rows == {model: (stored[model], stored[model], True, True, True) for model in MODELS}

    _, again = predict_all(Folder(champions))
    assert [each.stored for each in again] == [0] * len(again)


def test_attributions_add_up_to_what_is_stored(environment, engine, champions) -> None:
    predict_all(Folder(champions))
    query = text(
        "select value, base_value, attributions, lower, upper, baselines, closes_on - as_of as days"
        " from predictions where model = :model"
    )
    with engine.connect() as connection:
        returns = connection.execute(query, {"model": "abnormal-return-63"}).all()
        counts = connection.execute(query, {"model": "trade-count-regime"}).all()
        pairs = connection.execute(query, {"model": "trades-ticker-next-month"}).all()
    assert returns
    assert counts
    assert pairs
    for row in returns:
        assert row.value == pytest.approx(row.base_value + sum(row.attributions.values()))
        assert set(row.baselines) == {"zero", "historical_mean", "ridge"}
        # No trading day of the future is known.
        assert row.days is None
    assert all(row.lower <= row.value <= row.upper for row in (*returns, *counts))
    assert {row.days for row in counts} == {28}
    assert all(row.lower is None and 0 <= row.value <= 1 for row in pairs)
    # A month, and the 45 days in which its trades are disclosed.
    assert all(72 < row.days < 77 for row in pairs)


def test_a_model_that_is_off_predicts_nothing(environment, engine, champions) -> None:
    write(lambda connection: registry.switch(connection, MODELS[0], True, None, "odd numbers"))
    _, made = predict_all(Folder(champions))
    found = next(each for each in made if each.model == MODELS[0])
    assert (found.stored, found.reason) == (0, "the model is switched off: odd numbers")


def test_the_tasks_pass_on_what_the_next_one_takes(
    environment, engine, tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("QUANT_ML_BUCKET", "models")
    monkeypatch.syspath_prepend(str(FUNCTIONS))
    monkeypatch.setattr(MlBucket, "from_environment", lambda: Folder(tmp_path))
    tasks = {
        name: importlib.import_module(f"ml.{name}").handler
        for name in ("prepare", "fit", "evaluate", "publish", "predict", "monitor")
    }
    settings = {**SETTINGS, "models": [MODELS[2]]}
    prepared = as_json(tasks["prepare"]({"settings": settings}, None))
    assert prepared["plan"]["bucket"] == "models"
    items = json.loads(Folder(tmp_path).get(prepared["plan"]["key"]))
    assert prepared["fits"] == len(items) == 3
    assert [tasks["fit"](item, None)["fitted"] for item in items] == [True] * 3
    assert [tasks["fit"](item, None)["fitted"] for item in items] == [False] * 3
    [entry] = prepared["models"]
    evaluated = as_json(tasks["evaluate"](entry, None))
    # As the task of registration does, which is tested beside the server.
    told = {**evaluated, "version": 5, "tracking_run": "abc"}
    published = as_json(tasks["publish"](told, None))
    assert published["version"] == 5
    assert published["verdict"] == evaluated["verdict"]
    assert (published["champion"] is None) == (published["verdict"] == "refused")
    if published["champion"] is None:
        write(lambda connection: registry.promote(connection, MODELS[2], 5, None, "for the test"))
    leader = as_json(tasks["publish"](told, None))["champion"]
    assert leader == {"model": MODELS[2], "run": prepared["run"], "version": 5}
    predicted = as_json(tasks["predict"]({}, None))
    [made] = [each for each in predicted["models"] if each["version"] is not None]
    assert (made["model"], made["version"]) == (MODELS[2], 5)
    assert made["stored"] > 0
    found = as_json(tasks["monitor"]({}, None))
    assert found["models"][MODELS[2]]["outcomes"]["open"] == made["stored"]


def as_json(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer as the state machine passes it on."""
    document: dict[str, Any] = json.loads(json.dumps(answer))
    return document
