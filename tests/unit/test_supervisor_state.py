import stat
from dataclasses import asdict
from pathlib import Path

import pytest
from supervisor.commands import Commands, StepError, StepTimeoutError, without_frames
from supervisor.deploy import Endpoints, api_url
from supervisor.state import Ports, State, digest, exclusive, read_json, write_json

ENDPOINTS = Endpoints(Ports(localstack=4577))


def test_credentials_are_made_once_and_private(tmp_path: Path) -> None:
    state = State("x", tmp_path)
    first = state.credentials()
    assert state.credentials() == first
    assert len(set(asdict(first).values())) == 5
    assert stat.S_IMODE((state.directory / "credentials.json").stat().st_mode) == 0o600


def test_a_password_that_an_older_version_did_not_make_is_added(tmp_path: Path) -> None:
    state = State("x", tmp_path)
    before = asdict(state.credentials())
    path = state.directory / "credentials.json"
    write_json(path, {name: value for name, value in before.items() if name != "tracking"})
    after = asdict(state.credentials())
    assert after.pop("tracking") not in before.values()
    assert after == {name: before[name] for name in after}
    assert asdict(state.credentials())["tracking"] == read_json(path)["tracking"]


def test_the_tracking_server_is_counted_where_it_is_wanted() -> None:
    ports = Ports(tracking=5001)
    assert ports.by_server(tracking=True)["tracking"] == 5001
    assert "tracking" not in ports.by_server(tracking=False)


def test_lost_credentials_of_an_existing_database_are_an_error(tmp_path: Path) -> None:
    state = State("x", tmp_path)
    state.postgres.mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match=r"credentials\.json is gone"):
        state.credentials()


def test_written_json_is_private_and_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file.json"
    write_json(path, {"a": 1})
    write_json(path, {"b": 2})
    assert read_json(path) == {"b": 2}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["file.json"]


def test_digest_follows_names_contents_and_extras(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "inner").mkdir(parents=True)
    file = folder / "inner" / "a.py"
    file.write_text("1")
    original = digest([folder], "x")
    assert digest([folder], "x") == original
    assert digest([folder], "y") != original
    file.write_text("2")
    assert digest([folder], "x") != original
    file.write_text("1")
    assert digest([folder], "x") == original
    file.rename(folder / "inner" / "b.py")
    assert digest([folder], "x") != original


def test_digest_ignores_compiled_files(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("1")
    original = digest([tmp_path])
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_text("x")
    assert digest([tmp_path]) == original


def test_daemon_is_alive_while_its_lock_is_held(tmp_path: Path) -> None:
    state = State("x", tmp_path)
    assert not state.daemon_alive()
    with exclusive(state.daemon_lock):
        assert state.daemon_alive()
    assert not state.daemon_alive()


@pytest.mark.parametrize(
    "outputs",
    [
        {"RestApiId": "abc", "StageName": "local"},
        {"RestApiId": "abc", "StageName": "local", "ApiUrl": "https://other.example/"},
        {"ApiUrl": "https://abc.execute-api.us-east-1.amazonaws.com/local/"},
        {"ApiUrl": "http://127.0.0.1:4577/_aws/execute-api/abc/local/"},
    ],
)
def test_api_url_points_at_localstack(outputs: dict[str, str]) -> None:
    assert api_url(outputs, ENDPOINTS) == "http://127.0.0.1:4577/_aws/execute-api/abc/local"


def test_api_url_needs_an_output() -> None:
    with pytest.raises(StepError, match="RestApiId"):
        api_url({"StageName": "local"}, ENDPOINTS)


def test_failed_command_reports_its_log(tmp_path: Path) -> None:
    with pytest.raises(StepError, match=r"(?s)exit code 3.*no such thing"):
        Commands(tmp_path).run("probe", ["/bin/sh", "-c", "echo no such thing >&2; exit 3"])


def test_secret_output_stays_out_of_the_log(tmp_path: Path) -> None:
    commands = Commands(tmp_path)
    assert commands.run("probe", ["/bin/echo", "s3cret"], secret_output=True) == "s3cret\n"
    assert (tmp_path / "probe.log").read_text() == ""


def test_cancelled_commands_start_nothing(tmp_path: Path) -> None:
    commands = Commands(tmp_path)
    commands.cancel()
    with pytest.raises(StepError, match="cancelled"):
        commands.run("probe", ["/bin/echo", "x"])


def test_lines_are_said_as_they_come_and_logged(tmp_path: Path) -> None:
    said: list[str] = []
    script = "echo first; echo second >&2; echo third"
    Commands(tmp_path).show("probe", ["/bin/sh", "-c", script], say=said.append, timeout=30)
    assert said == ["first", "second", "third"]
    assert (tmp_path / "probe.log").read_text().split() == said


def test_a_shown_command_that_fails_reports_its_log(tmp_path: Path) -> None:
    with pytest.raises(StepError, match=r"(?s)exit code 3.*no such thing") as raised:
        Commands(tmp_path).show(
            "probe",
            ["/bin/sh", "-c", "echo no such thing; exit 3"],
            say=lambda _: None,
            timeout=30,
        )
    assert not isinstance(raised.value, StepTimeoutError)


def test_a_shown_command_is_ended_after_its_time(tmp_path: Path) -> None:
    said: list[str] = []
    with pytest.raises(StepTimeoutError, match="more than"):
        Commands(tmp_path).show(
            "probe",
            ["/bin/sh", "-c", "echo begun; exec sleep 60"],
            say=said.append,
            timeout=0.5,
        )
    assert said == ["begun"]


def test_the_end_of_a_log_has_exceptions_without_frames() -> None:
    log = """reading
Traceback (most recent call last):
  File "a.py", line 1, in <module>
    connect()
ConnectionError: refused

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "b.py", line 2, in <module>
    read()
ReadError: no answer
  after 3 attempts
"""
    assert without_frames(log).splitlines() == [
        "reading",
        "ConnectionError: refused",
        "ReadError: no answer",
        "  after 3 attempts",
    ]
    box = "╭── Traceback ──╮\n│ a.py:1 │\n╰───────────────╯\nValueError: odd"
    assert without_frames(box) == "ValueError: odd"
