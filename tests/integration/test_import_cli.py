import json

import pytest
from supervisor.database import OWNER_ROLE
from typer.testing import CliRunner

import quant.settings
from quant.cli import app
from quant.ingest import synthetic

pytestmark = pytest.mark.usefixtures("settings")


@pytest.fixture
def settings(database, monkeypatch):
    secret = {"username": OWNER_ROLE, "password": database.passwords[OWNER_ROLE]}
    monkeypatch.setattr(quant.settings, "read_secret", lambda _: json.dumps(secret))
    for name, value in {
        "ENVIRONMENT": "local",
        "DATABASE_HOST": "127.0.0.1",
        "DATABASE_PORT": str(database.server.port),
        "DATABASE_NAME": database.name,
        "DATABASE_SECRET_ARN": "database",
        "DATABASE_TLS": "false",
    }.items():
        monkeypatch.setenv(f"QUANT_{name}", value)
    quant.settings.database_settings.cache_clear()
    yield
    quant.settings.database_settings.cache_clear()


def run(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_seed_without_data_says_that_it_is_synthetic() -> None:
    result = run("seed", "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["synthetic"] is True
    assert [found["source"] for found in report["imports"]] == [
        "legislators",
        "senate-stock-watcher",
        "house-stock-watcher",
        "prices",
    ]
    result = run("seed")
    assert "SYNTHETIC" in result.stdout
    assert "paper_filing" in result.stdout


def test_seed_from_a_folder(tmp_path) -> None:
    synthetic.write_sample(tmp_path)
    result = run("seed", "--data", tmp_path)
    assert result.exit_code == 0, result.output
    assert "SYNTHETIC" not in result.stdout


def test_import_prints_counts_and_unmatched_filers(tmp_path) -> None:
    path = tmp_path / "rows.json"
    rows = synthetic.senate_rows(1)[:3]
    path.write_text(json.dumps([row | {"senator": "Una Nobody"} for row in rows]))
    result = run("import", "--source", "senate-stock-watcher", path)
    assert result.exit_code == 0, result.output
    assert "Una Nobody" in result.stdout
    result = run("import", "--source", "senate-stock-watcher", path, "--json")
    report = json.loads(result.stdout)
    assert (report["rows"], report["existing"], report["matched_share"]) == (3, 3, 0.0)
    assert report["unmatched"] == {"Una Nobody": 3}


def test_filing_index_option(tmp_path) -> None:
    rows, index = tmp_path / "rows.json", tmp_path / "2020FD.xml"
    row = synthetic.house_rows(1)[0] | {"filing_id": "1", "source_url": ""}
    row |= {"transaction_date": "01/02/2020", "disclosure_date": "01/20/2020"}
    rows.write_text(json.dumps([row]))
    index.write_text(
        "<FinancialDisclosure><Member><Prefix/><Last>Member</Last><First>Synthia</First><Suffix/>"
        "<FilingType>P</FilingType><StateDst>ZZ00</StateDst><Year>2020</Year>"
        "<FilingDate>2/1/2020</FilingDate><DocID>1</DocID></Member></FinancialDisclosure>"
    )
    command = ("import", "--source", "house-stock-watcher", rows, "--json")
    assert json.loads(run(*command).stdout)["inserted"] == 1
    assert json.loads(run(*command, "--filing-index", index).stdout)["updated"] == 1


@pytest.mark.parametrize(
    "source", ["senate-stock-watcher", "house-stock-watcher", "legislators", "prices"]
)
def test_unreadable_file_fails_with_a_message(tmp_path, source) -> None:
    path = tmp_path / "broken"
    path.write_bytes(b'{"a": 1')
    result = run("import", "--source", source, path)
    assert result.exit_code == 1
    assert str(path) in result.stderr.replace("\n", "")
    assert "Traceback" not in result.output
    assert run("import", "--source", source, tmp_path / "missing").exit_code == 1


def test_empty_folder_fails(tmp_path) -> None:
    result = run("seed", "--data", tmp_path)
    assert result.exit_code == 1
    assert "holds no" in result.stderr


def test_unavailable_database_fails_with_a_message(monkeypatch) -> None:
    monkeypatch.setenv("QUANT_DATABASE_PORT", "1")
    quant.settings.database_settings.cache_clear()
    result = run("seed")
    assert result.exit_code == 1
    assert "unavailable" in result.stderr
