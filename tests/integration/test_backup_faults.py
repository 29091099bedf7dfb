"""Backups that are damaged or do not fit, processes that are killed, buckets."""

import json
import shutil
import signal
import time
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest
from audit_support import engine_of
from backup_support import access_to, backup, databases, operator, run, sorted_dump, worker
from moto import mock_aws
from sqlalchemy import text

from quant.backup.drill import drill, log_line
from quant.backup.dump import DUMP, create
from quant.backup.errors import BackupError, ContentMismatchError, ToolError
from quant.backup.manifest import MANIFEST
from quant.backup.places import BucketPlace, FolderPlace, newest
from quant.backup.restore import restore
from quant.backup.tools import Tools
from quant.backup.verify import verify
from quant.ingest.seed import seed

BUCKET = "backups"


@pytest.fixture(scope="module")
def stored(database, tmp_path_factory):
    """A folder with one backup of the synthetic sample."""
    seed(engine_of(database.owner_url))
    kept = FolderPlace(tmp_path_factory.mktemp("backups"))
    with kept.workspace() as folder:
        manifest = create(access_to(database), folder, Tools.find())
        kept.keep(folder, manifest)
    return manifest


@pytest.fixture
def target(stored, tmp_path_factory, tmp_path):
    """A copy of that folder to be damaged."""
    source = next(tmp_path_factory.getbasetemp().glob("backups*"))
    shutil.copytree(source, tmp_path / "backups")
    return tmp_path / "backups"


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


DAMAGES = {
    "changed": (lambda folder: flip(folder / DUMP), "database.dump was changed"),
    "cut-off": (lambda folder: cut(folder / DUMP), "database.dump has"),
    "missing": (lambda folder: (folder / DUMP).unlink(), "database.dump is missing"),
    "manifest": (lambda folder: cut(folder / MANIFEST), "the manifest of backup .* is damaged"),
    "no-field": (
        lambda folder: (folder / MANIFEST).write_text('{"format": 1}'),
        "the manifest of backup .* is damaged: taken_at",
    ),
    "format": (lambda folder: edit(folder / MANIFEST, format=2), "of format 2; this code reads"),
    "server": (
        lambda folder: edit(folder / MANIFEST, server_version=990000),
        "of PostgreSQL 99, this server is 18",
    ),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGES.values(), ids=DAMAGES)
def test_what_is_damaged_or_too_new_is_refused(database, stored, target, damage, message):
    before = sorted_dump(database)
    damage(target / stored.id)
    with operator(database):
        verified = backup("verify", str(target))
        restored = backup("restore", str(target), "--replace", "--yes")
    for result in (verified, restored):
        assert result.exit_code == 1
        assert pytest.RaisesExc(BaseException, match=message).matches(Exception(result.stderr))
        assert "Traceback" not in result.output
    assert sorted_dump(database) == before
    assert databases(database, "_") == []


def test_a_schema_that_the_code_does_not_know_is_not_restored(database, stored, target):
    edit(target / stored.id / MANIFEST, revision="9999")
    with operator(database):
        restored = backup("restore", str(target), "--replace", "--yes")
        verified = backup("verify", str(target))
    assert "has the schema 9999, this code knows" in restored.stderr
    assert f"the schema is at revision {stored.revision} instead of 9999" in verified.stderr
    assert databases(database, "_") == []


def test_what_was_restored_otherwise_than_dumped_does_not_serve(database, stored, target):
    known = stored.model_dump(mode="json")
    known["tables"]["public.trades"]["sha256"] = "0" * 64
    known["tables"]["public.tickers"]["rows"] += 1
    known["schema_kinds"]["trigger"]["count"] += 1
    edit(target / stored.id / MANIFEST, **known)
    kept = FolderPlace(target)
    with pytest.raises(ContentMismatchError) as found:
        restore(access_to(database), kept, stored.id, Tools.find(), replace=True)
    tickers = stored.tables["public.tickers"].rows
    assert found.value.differences == [
        f"table public.tickers has {tickers} rows instead of {tickers + 1}",
        "table public.trades has other rows",
        "objects of kind trigger: 6 instead of 7",
    ]
    assert databases(database, "_") == []


def test_older_programs_are_refused(database, tmp_path, monkeypatch):
    for name in ("pg_dump", "pg_restore"):
        (tmp_path / name).write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 17.9'\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("QUANT_POSTGRES_BIN", str(tmp_path))
    with operator(database):
        made = backup("create", str(tmp_path / "backups"))
    assert made.exit_code == 1
    assert f"the server is PostgreSQL 18, {tmp_path} has 17" in made.stderr
    assert list((tmp_path / "backups").iterdir()) == []


def test_a_dump_that_fails_is_no_backup(database, tmp_path):
    # Of another owner: the role that dumps may not read it.
    run(database, "create table foreign_table (id integer)", database.name)
    try:
        with operator(database):
            made = backup("create", str(tmp_path))
    finally:
        run(database, "drop table foreign_table", database.name)
    assert made.exit_code == 1
    assert "permission denied" in made.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_killed_backup_is_none(database, tmp_path):
    for pause in (0.0, 0.05, 0.2):
        process = worker(database, "create", tmp_path)
        _wait_for(lambda: list(tmp_path.glob(".*.partial/lock")))
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
        process.wait()
        for made in FolderPlace(tmp_path).ids():
            # It had ended: then it is whole.
            with FolderPlace(tmp_path).fetch(made):
                pass
            FolderPlace(tmp_path).remove(made)
    with operator(database):
        assert backup("create", str(tmp_path)).exit_code == 0
    assert [entry.name for entry in tmp_path.iterdir()] == FolderPlace(tmp_path).ids()


def test_a_killed_restore_leaves_the_old_database_serving(database, stored, target):
    before = sorted_dump(database)
    for pause in (0.0, 0.3):
        process = worker(database, "restore", target)
        _wait_for(lambda: databases(database, "_restoring_"))
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert databases(database, "_restoring_") != []
        assert sorted_dump(database) == before
        with engine_of(database.url).connect() as connection:
            assert connection.execute(text("select count(*) from trades")).scalar_one() > 0
    kept = FolderPlace(target)
    # The killed session may hold its lock for a moment.
    _wait_for(lambda: not run(database, "select from pg_locks where locktype = 'advisory'"))
    done = restore(access_to(database), kept, newest(kept), Tools.find(), replace=True)
    assert databases(database, "_restoring_") == []
    assert sorted_dump(database) == before
    assert done.aside is not None
    run(database, f"drop database {done.aside}")


def _wait_for(condition, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@contextmanager
def bucket(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket=BUCKET)
        yield client


def test_a_bucket_keeps_what_a_drill_has_restored(database, stored, monkeypatch):
    with bucket(monkeypatch) as client:
        kept = BucketPlace(client, BUCKET, "daily")
        done = drill(access_to(database), kept, Tools.find(server=True))
        manifest = done.verification.manifest
        assert kept.ids() == [manifest.id]
        assert manifest.content_sha256 == stored.content_sha256
        head = client.head_object(
            Bucket=BUCKET, Key=f"daily/{manifest.id}/{DUMP}", ChecksumMode="ENABLED"
        )
        assert head["ChecksumSHA256"]
        assert verify(kept, manifest.id, Tools.find(server=True)).manifest == manifest
        restored = restore(access_to(database), kept, manifest.id, Tools.find(), replace=True)
        run(database, f"drop database {restored.aside}")

        client.delete_object(Bucket=BUCKET, Key=f"daily/{manifest.id}/{DUMP}")
        with pytest.raises(BackupError, match=r"database\.dump is missing"):
            verify(kept, manifest.id, Tools.find(server=True))
        kept.remove(manifest.id)
        assert client.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0
    line = log_line(done)
    [metrics] = line["_aws"]["CloudWatchMetrics"]
    assert {metric["Name"] for metric in metrics["Metrics"]} == {
        "RestoreSeconds",
        "BackupAge",
        "BackupBytes",
    }
    assert line["RestoreSeconds"] > 0
    assert line["BackupAge"] > line["RestoreSeconds"]


def test_an_upload_that_is_cut_off_is_no_backup(database, stored, target, monkeypatch):
    with bucket(monkeypatch) as client:
        kept = BucketPlace(client, BUCKET, "")
        put = client.put_object

        def fail(Key: str, **options: object) -> object:  # noqa: N803 - boto3's name
            if Key.endswith(MANIFEST):
                raise ToolError("gone")
            return put(Key=Key, **options)

        client.put_object = fail
        with pytest.raises(ToolError), FolderPlace(target).fetch(stored.id) as folder:
            kept.keep(folder, stored)
        assert client.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 1
        assert kept.ids() == []
        with pytest.raises(BackupError, match="there is no backup"):
            newest(kept)
        client.put_object = put
        with FolderPlace(target).fetch(stored.id) as folder:
            kept.keep(folder, stored)
        assert kept.manifest(stored.id) == stored
