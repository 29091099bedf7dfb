"""Exports from the request to the file, on a real Postgres and with S3 and SQS in this process."""

import base64
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urljoin

import pandas as pd
import pyarrow.parquet as pq
import pytest
from export_support import BUCKET, EXPORT, JOBS, export_service
from pipeline_support import worker_environment
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool
from supervisor.database import APP_ROLE
from tests.integration.conftest import SENATOR, authorizer_context

from quant.errors import ConflictError, StoreUnavailableError
from quant.exports import datasets, inline, jobs, leases, objects, queue, requests, work
from quant.exports.dictionary import DATASET, TRADES
from quant.origin import Origin
from quant.tiers import TIERS, EndpointClass
from quant.vocabulary import ExportFormat, ExportKind

WORKER = Path(__file__).resolve().parents[1] / "export_worker.py"
SENATOR_TRADES = f"{EXPORT}/trades/W000001"
BATCH = f"{EXPORT}/batch/all-politicians"
DATASETS = f"{EXPORT}/research-dataset"
ASYNC = {"Prefer": "respond-async"}


@pytest.fixture(scope="module")
def owner(database):
    engine = create_engine(database.superuser_url, poolclass=NullPool)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def service(api, disclosures):
    with export_service() as service:
        yield service


@pytest.fixture
def exports(service, owner):
    with owner.begin() as connection:
        connection.execute(text("truncate export_jobs, datasets"))
        connection.execute(text("update data_version set version = 1"))
    service.empty()
    return service


@pytest.fixture
def caller():
    """Somebody who asks; the same in every request."""
    return authorizer_context()


def sql(owner, statement, **parameters):
    with owner.begin() as connection:
        result = connection.execute(text(statement), parameters)
        return result.all() if result.returns_rows else []


def count_up(owner):
    sql(owner, "update data_version set version = version + 1")


def ask(api, caller, path=SENATOR_TRADES, document=None, **query):
    """A job, asked for."""
    if document is None:
        answer = api.get(path, query, ASYNC, authorizer=caller)
    else:
        answer = api.post(path, document, authorizer=caller)
    assert answer.status == 202, answer.body
    return answer.json


def status(api, caller, job):
    answer = api.get(f"{JOBS}/{job['id']}", authorizer=caller)
    assert answer.status == 200, answer.body
    return answer.json


# Small exports


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_a_small_export_is_the_answer(api, exports, form):
    answer = api.get(SENATOR_TRADES, {"format": form})
    assert answer.status == 200
    readers = {"csv": pd.read_csv, "json": pd.read_json, "parquet": pd.read_parquet}
    frame = readers[form](io.BytesIO(answer.body))
    assert list(frame.columns) == [column.name for column in TRADES.columns]
    assert len(frame) == 38
    assert set(frame["bioguide_id"]) == {"W000001"}
    assert not frame["synthetic"].any()
    digest = base64.b64encode(hashlib.sha256(answer.body).digest()).decode()
    assert answer.headers["repr-digest"] == f"sha-256=:{digest}:"
    assert answer.headers["content-disposition"] == (
        f'attachment; filename="trades-W000001-v1.{form}"'
    )
    media_types = {
        "csv": "text/csv; charset=utf-8; header=present",
        "json": "application/json",
        "parquet": "application/vnd.apache.parquet",
    }
    assert answer.headers["content-type"] == media_types[form]


def test_csv_is_the_default_and_any_identifier_will_do(api, exports):
    assert api.get(SENATOR_TRADES).body == api.get(f"{EXPORT}/trades/{SENATOR}").body
    assert api.get(SENATOR_TRADES).body.startswith(b"trade_id,politician_id,")


def test_the_digest_is_of_what_is_sent_to_a_client_that_takes_gzip(api, exports):
    answer = api.get(SENATOR_TRADES, headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in answer.headers
    assert len(answer.body) > 1024
    digest = base64.b64encode(hashlib.sha256(answer.body).digest()).decode()
    assert digest in answer.headers["repr-digest"]


def test_an_export_that_the_client_has_is_not_sent_again(api, exports):
    first = api.get(SENATOR_TRADES)
    again = api.get(SENATOR_TRADES, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    other = api.get(
        SENATOR_TRADES, {"format": "json"}, headers={"If-None-Match": first.headers["etag"]}
    )
    assert other.status == 200


def test_an_export_is_in_the_audit_log(api, exports, owner, caller):
    answer = api.get(SENATOR_TRADES, authorizer=caller)
    [(event, target, details)] = sql(
        owner,
        "select event, target, details from audit_log where actor = :actor",
        actor=caller["principalId"],
    )
    assert (event, target) == ("exported", str(SENATOR))
    recorded = details if isinstance(details, dict) else json.loads(details)
    assert recorded["rows"] == 38
    assert recorded["sha256"] == hashlib.sha256(answer.body).hexdigest()


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        (f"{EXPORT}/trades/Z999999", {}, 404),
        (f"{EXPORT}/trades/{uuid.UUID(int=7)}", {}, 404),
        (f"{EXPORT}/trades/nonsense", {}, 422),
        (SENATOR_TRADES, {"format": "xlsx"}, 422),
        (SENATOR_TRADES, {"unknown": "1"}, 422),
        (f"{JOBS}/nonsense", {}, 422),
        (f"{JOBS}/{uuid.UUID(int=7)}", {}, 404),
        (JOBS, {"limit": 0}, 422),
        (JOBS, {"cursor": "nonsense"}, 422),
        (DATASETS, {"unknown": "1"}, 422),
    ],
)
def test_bad_requests_are_refused(api, exports, path, query, status):
    answer = api.get(path, query)
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "document",
    [
        {"format": "xlsx"},
        {"what": "prices"},
        {"unknown": 1},
        {"filters": {"unknown": 1}},
        {"filters": {"ticker": "x' or true"}},
        {"filters": {"transaction_from": "yesterday"}},
        {"filters": {"transaction_from": 0}},
        {"filters": {"amount_min": "15001"}},
        {"filters": {"in_office": 1}},
        {"what": "politicians", "filters": {"ticker": "AAA"}},
    ],
)
def test_bad_batches_are_refused(api, exports, document):
    answer = api.post(BATCH, document)
    assert answer.status == 422, answer.body
    assert exports.waiting() == 0


@pytest.mark.parametrize("limit", ["MAX_ROWS", "MAX_BYTES"])
def test_a_large_export_is_a_job(api, exports, caller, monkeypatch, limit):
    monkeypatch.setattr(inline, limit, 37)
    answer = api.get(SENATOR_TRADES, authorizer=caller)
    assert answer.status == 202
    assert answer.json["state"] == "queued"
    assert answer.headers["cache-control"] == "no-store"
    assert exports.waiting() == 1
    assert "preference-applied" not in answer.headers


# The life of a job


@pytest.mark.parametrize("form", list(ExportFormat))
def test_a_job_from_its_request_to_its_file(api, exports, caller, owner, form):
    path = SENATOR_TRADES
    answer = api.get(path, {"format": form}, ASYNC, authorizer=caller)
    assert answer.status == 202
    assert answer.headers["preference-applied"] == "respond-async"
    location = urljoin(f"https://api.example/prod{path}", answer.headers["location"])
    assert location == f"https://api.example/prod{JOBS}/{answer.json['id']}"
    assert answer.json["progress"] == 0
    assert exports.run() == []
    job = status(api, caller, answer.json)
    assert (job["state"], job["progress"], job["rows"]) == ("succeeded", 1, 38)
    [file] = job["files"]
    content = exports.download(file["url"])
    assert content == api.get(path, {"format": form}).body
    assert hashlib.sha256(content).hexdigest() == job["sha256"] == file["sha256"]
    assert len(content) == job["bytes"] == file["bytes"]
    assert exports.lifetime(file["url"]) == 15 * 60
    assert file["name"] == f"trades-W000001-v1.{form}"
    assert job["expires_at"] > job["finished_at"] > job["started_at"]
    [(events,)] = sql(
        owner,
        "select count(*) from audit_log where event = 'exported' and target = :job",
        job=job["id"],
    )
    assert events == 1


def test_the_stored_object_says_what_it_is(api, exports, caller):
    job = ask(api, caller, format="parquet")
    exports.run()
    [file] = status(api, caller, job)["files"]
    found = exports.s3.head_object(Bucket=BUCKET, Key=exports.key(file["url"]))
    assert found["ContentType"] == "application/vnd.apache.parquet"
    assert found["ContentDisposition"] == 'attachment; filename="trades-W000001-v1.parquet"'
    assert found["Metadata"]["sha256"] == file["sha256"]
    assert exports.key(file["url"]).startswith("exports/")


def test_asking_twice_is_one_job(api, exports, caller):
    first, second = ask(api, caller), ask(api, caller)
    assert first["id"] == second["id"]
    assert exports.waiting() == 1
    exports.run()
    third = ask(api, caller)
    assert (third["id"], third["state"]) == (first["id"], "succeeded")
    assert third["files"]
    assert exports.waiting() == 0


def test_other_parameters_data_or_accounts_are_other_jobs(api, exports, caller, owner):
    first = ask(api, caller)
    found = {
        first["id"],
        ask(api, caller, format="json")["id"],
        ask(api, caller, f"{EXPORT}/trades/H000001")["id"],
        ask(api, authorizer_context())["id"],
    }
    count_up(owner)
    found.add(ask(api, caller)["id"])
    assert len(found) == 5


def test_an_account_has_a_number_of_unfinished_jobs(api, exports, caller, owner, monkeypatch):
    monkeypatch.setattr(jobs, "MAX_UNFINISHED", 2)
    ask(api, caller, format="csv")
    ask(api, caller, format="json")
    answer = api.get(SENATOR_TRADES, {"format": "parquet"}, ASYNC, authorizer=caller)
    assert answer.status == 409
    assert ask(api, caller, format="csv")["state"] == "queued"
    exports.run()
    assert ask(api, caller, format="parquet")["state"] == "queued"


def test_accounts_that_ask_at_the_same_time_have_no_more(api, exports, monkeypatch):
    monkeypatch.setattr(jobs, "MAX_UNFINISHED", 3)
    account = uuid.uuid4()

    def ask_for(number):
        parameters = {"format": "csv", "what": "trades", "filters": {"amount_min": number % 6}}
        wanted = requests.ExportRequest(ExportKind.ALL_POLITICIANS, parameters)
        try:
            return jobs.ask(account, wanted, Origin())["id"]
        except ConflictError:
            return None

    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(ask_for, range(12)))
    assert len(set(found) - {None}) == 3
    page = jobs.list_jobs(account)
    assert {job["id"] for job in page.rows} == set(found) - {None}


def test_a_tier_has_a_number_of_exports_and_looks_at_them_freely(api, exports):
    caller = authorizer_context(tier="free")
    for _ in range(TIERS["free"].class_limits[EndpointClass.EXPORT]):
        job = ask(api, caller)
    for path in (SENATOR_TRADES, f"{EXPORT}/analysis/W000001"):
        refused = api.get(path, headers=ASYNC, authorizer=caller)
        assert refused.status == 429
        assert int(refused.headers["retry-after"]) > 0
    assert api.post(DATASETS, {"format": "csv"}, authorizer=caller).status == 429
    assert exports.waiting() == 1
    for path in (f"{JOBS}/{job['id']}", JOBS, DATASETS):
        assert api.get(path, authorizer=caller).status == 200


def test_a_batch_of_all_politicians(api, exports, caller):
    job = ask(
        api,
        caller,
        BATCH,
        {"format": "csv", "filters": {"chamber": "senate", "transaction_from": "2020-01-03"}},
    )
    exports.run()
    done = status(api, caller, job)
    [file] = done["files"]
    frame = pd.read_csv(io.BytesIO(exports.download(file["url"])))
    assert file["name"] == "trades-all-v1.csv"
    assert set(frame["chamber"]) == {"senate"}
    assert frame["transaction_date"].min() == "2020-01-03"
    assert len(frame) == done["rows"] == 35
    members = ask(api, caller, BATCH, {"format": "parquet", "what": "politicians"})
    exports.run()
    [file] = status(api, caller, members)["files"]
    table = pq.read_table(io.BytesIO(exports.download(file["url"])))
    assert table.num_rows == 3


def test_jobs_are_listed_to_their_account_alone(api, exports, caller):
    asked = [ask(api, caller, format=form)["id"] for form in ExportFormat]
    first = api.get(JOBS, {"limit": 2}, authorizer=caller).json
    second = api.get(
        JOBS, {"limit": 2, "cursor": first["page"]["next_cursor"]}, authorizer=caller
    ).json
    assert [job["id"] for job in (*first["data"], *second["data"])] == asked[::-1]
    assert second["page"]["next_cursor"] is None
    stranger = authorizer_context()
    assert api.get(JOBS, authorizer=stranger).json["data"] == []
    answer = api.get(f"{JOBS}/{asked[0]}", authorizer=stranger)
    assert answer.status == 404
    assert asked[0] in answer.json["detail"]


def test_a_job_reads_the_data_there_is_when_it_runs(api, exports, caller, owner):
    job = ask(api, caller)
    count_up(owner)
    [(version,)] = sql(owner, "select version from data_version")
    exports.run()
    done = status(api, caller, job)
    assert done["data_version"] == version
    assert done["files"][0]["name"] == f"trades-W000001-v{version}.csv"


# What goes wrong


def test_a_message_that_comes_twice_makes_one_file(api, exports, caller):
    job = ask(api, caller)
    exports.send(job["id"])
    assert exports.run() == []
    assert len(exports.stored()) == 1
    exports.send(job["id"])
    assert exports.run() == []
    assert len(exports.stored()) == 1
    assert exports.waiting() == 0


def test_a_job_that_another_worker_holds_is_left_to_it(api, exports, caller):
    job = ask(api, caller)
    claimed = leases.claim(uuid.UUID(job["id"]))
    assert exports.run() != []
    # Not thrown away: should that worker die, the message is what brings another one.
    assert exports.waiting() == 1
    assert exports.receive() == []
    leases.renew(claimed, progress=0.25, rows=10)
    shown = status(api, caller, job)
    assert (shown["state"], shown["progress"], shown["rows"]) == ("running", 0.25, 10)
    assert shown["files"] == []


def test_a_job_whose_lease_ran_out_is_taken_up_again(api, exports, caller, owner):
    job = ask(api, caller)
    lost = leases.claim(uuid.UUID(job["id"]))
    sql(owner, "update export_jobs set lease_until = now() - interval '1 second'")
    assert exports.run() == []
    done = status(api, caller, job)
    assert done["state"] == "succeeded"
    # The worker that was thought dead changes nothing any more.
    for late in (
        lambda: leases.renew(lost, progress=0.5, rows=1),
        lambda: leases.fail(lost, "late", final=True),
        lambda: leases.succeed(
            lost, leases.Result(rows=0, bytes=0, sha256="0" * 64, data_version=1, files=[])
        ),
    ):
        with pytest.raises(leases.LostLeaseError):
            late()
    assert status(api, caller, job) == {**done, "files": status(api, caller, job)["files"]}


def test_a_worker_killed_half_way_leaves_the_job_to_the_next(
    api, exports, caller, owner, role_passwords, tmp_path
):
    job = ask(api, caller)
    exports.receive()
    environment = {
        **os.environ,
        **worker_environment(owner),
        "TEST_DATABASE_PASSWORD": role_passwords[APP_ROLE],
    }
    with subprocess.Popen(
        [sys.executable, str(WORKER), job["id"]], env=environment, stdout=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdout.readline() == "half way\n"
        shown = status(api, caller, job)
        assert (shown["state"], shown["progress"] > 0) == ("running", True)
        worker.send_signal(signal.SIGKILL)
    assert worker.returncode == -signal.SIGKILL
    exports.end_waits()
    # Its lease holds on for a while, for which the message waits.
    assert exports.run() != []
    sql(owner, "update export_jobs set lease_until = now() - interval '1 second'")
    exports.end_waits()
    assert exports.run() == []
    done = status(api, caller, job)
    assert (done["state"], done["rows"]) == ("succeeded", 38)
    [file] = done["files"]
    assert exports.download(file["url"]) == api.get(SENATOR_TRADES).body
    [(attempts,)] = sql(owner, "select attempts from export_jobs")
    assert attempts == 2


def test_a_worker_that_lost_its_lease_while_it_read_stops(api, exports, caller, owner, monkeypatch):
    job = ask(api, caller)
    monkeypatch.setattr(work, "_RENEWED_EVERY_S", 0.0)

    def rob(*arguments, **options):
        sql(owner, "update export_jobs set lease_holder = gen_random_uuid()")
        return renew(*arguments, **options)

    renew = leases.renew
    monkeypatch.setattr(leases, "renew", rob)
    assert exports.run() != []
    assert status(api, caller, job)["state"] == "running"
    assert exports.stored() == []


def refuse(*_arguments, **_options):
    raise StoreUnavailableError("s3")


def test_a_job_is_tried_three_times_then_fails_and_can_be_asked_for_again(
    api, exports, caller, monkeypatch
):
    job = ask(api, caller)
    with monkeypatch.context() as patch:
        patch.setattr(objects.ExportBucket, "put", refuse)
        for attempt in range(1, leases.MAX_ATTEMPTS + 1):
            assert exports.run() != []
            shown = status(api, caller, job)
            last = attempt == leases.MAX_ATTEMPTS
            assert shown["state"] == ("failed" if last else "queued")
            assert shown["detail"] == "s3 is unavailable"
            assert exports.receive() == []  # put off
            exports.end_waits()
    again = ask(api, caller)
    assert (again["id"], again["state"], again["detail"]) == (job["id"], "queued", None)
    exports.run()
    assert status(api, caller, job)["state"] == "succeeded"


def test_a_failed_job_is_done_when_its_message_is_redriven(api, exports, caller, monkeypatch):
    job = ask(api, caller)
    with monkeypatch.context() as patch:
        patch.setattr(objects.ExportBucket, "put", refuse)
        for _ in range(leases.MAX_ATTEMPTS):
            exports.run()
            exports.end_waits()
    assert status(api, caller, job)["state"] == "failed"
    # What an operator's redrive does: the message comes from the queue again.
    assert exports.run() == []
    done = status(api, caller, job)
    assert (done["state"], done["detail"]) == ("succeeded", None)


def test_a_job_whose_last_worker_was_killed_has_failed(api, exports, caller, owner):
    job = ask(api, caller)
    for _ in range(leases.MAX_ATTEMPTS):
        assert isinstance(leases.claim(uuid.UUID(job["id"])), leases.Claim)
        sql(owner, "update export_jobs set lease_until = now() - interval '1 second'")
    assert status(api, caller, job)["state"] == "failed"
    exports.end_waits()
    assert ask(api, caller)["state"] == "queued"
    exports.run()
    assert status(api, caller, job)["state"] == "succeeded"


def test_an_unforeseen_error_is_not_shown(api, exports, caller, monkeypatch):
    job = ask(api, caller)
    monkeypatch.setattr(work, "stem", lambda *_: 1 / 0)
    assert exports.run() != []
    assert status(api, caller, job)["detail"] == "an unexpected error; it was logged"


def test_a_politician_who_is_gone_fails_the_job_at_once(api, exports, caller, owner):
    job = ask(api, caller)
    sql(
        owner,
        "update export_jobs set parameters = jsonb_set(parameters, '{politician_id}', :gone)",
        gone=f'"{uuid.uuid4()}"',
    )
    assert exports.run() == []
    shown = status(api, caller, job)
    assert shown["state"] == "failed"
    assert shown["detail"].startswith("there is no politician")


def test_a_job_that_takes_too_long_is_stopped(api, exports, caller, monkeypatch):
    job = ask(api, caller)
    assert exports.run(remaining_s=180) != []
    shown = status(api, caller, job)
    assert (shown["state"], shown["detail"]) == ("queued", "the export takes longer than it may")


def test_messages_that_are_no_exports_fail_and_unknown_jobs_are_done(api, exports):
    exports.send(uuid.uuid4())
    assert exports.run() == []
    exports.sqs.send_message(QueueUrl=exports.url, MessageBody='{"other": 1}')
    assert len(exports.run()) == 1


def test_a_queue_that_is_away_is_a_503_and_asking_again_queues(api, exports, caller, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(queue, "send", refuse)
        answer = api.get(SENATOR_TRADES, None, ASYNC, authorizer=caller)
        assert answer.status == 503
    assert exports.waiting() == 0
    ask(api, caller)
    assert exports.waiting() == 1


def test_an_expired_export_says_so_and_begins_anew(api, exports, caller, owner):
    job = ask(api, caller)
    exports.run()
    sql(owner, "update export_jobs set expires_at = now() - interval '1 second'")
    shown = status(api, caller, job)
    assert (shown["state"], shown["files"]) == ("expired", [])
    assert ask(api, caller)["state"] == "queued"
    exports.run()
    assert status(api, caller, job)["state"] == "succeeded"


def test_old_jobs_are_forgotten(api, exports, caller, owner):
    ask(api, caller)
    sql(owner, "update export_jobs set created_at = now() - interval '91 days'")
    exports.run()
    assert api.get(JOBS, authorizer=caller).json["data"] == []


# The research dataset


def listed(api, caller, **query):
    answer = api.get(DATASETS, query, authorizer=caller)
    assert answer.status == 200, answer.body
    return answer.json["data"]


@pytest.mark.parametrize("form", list(ExportFormat))
def test_a_dataset_holds_what_its_manifest_says(api, exports, caller, owner, form):
    [(version,)] = sql(owner, "select version from data_version")
    assert listed(api, caller) == []
    job = ask(api, caller, DATASETS, {"format": form})
    exports.run()
    done = status(api, caller, job)
    assert (done["state"], done["expires_at"]) == ("succeeded", None)
    [dataset] = listed(api, caller)
    assert dataset["version"] == f"v{version}-s1"
    assert (dataset["data_version"], dataset["schema_version"]) == (version, 1)
    assert dataset["sha256"] == done["sha256"]
    files = {file["name"]: exports.download(file["url"]) for file in dataset["files"]}
    assert set(files) == {
        *(f"{table.name}.{form}" for table in DATASET),
        "dictionary.json",
        "SHA256SUMS",
        "manifest.json",
    }
    for file in dataset["files"]:
        content = files[file["name"]]
        assert hashlib.sha256(content).hexdigest() == file["sha256"]
        assert len(content) == file["bytes"]
    assert hashlib.sha256(files["SHA256SUMS"]).hexdigest() == dataset["sha256"]
    sums = dict(reversed(line.split()) for line in files["SHA256SUMS"].decode().splitlines())
    assert set(sums) == set(files) - {"SHA256SUMS", "manifest.json"}
    for name, sha256 in sums.items():
        assert hashlib.sha256(files[name]).hexdigest() == sha256
    manifest = json.loads(files["manifest.json"])
    assert manifest["version"] == dataset["version"]
    assert manifest["sha256"] == dataset["sha256"]
    assert {table["table"]: table["rows"] for table in manifest["tables"]} == dataset["rows"]
    assert dataset["rows"]["trades"] == 60
    assert "prices" in manifest["left_out"]
    assert exports.download(dataset["dictionary_url"]) == files["dictionary.json"]
    described = {table["name"]: table for table in json.loads(files["dictionary.json"])["tables"]}
    readers = {"csv": pd.read_csv, "json": pd.read_json, "parquet": pd.read_parquet}
    for name, table in described.items():
        frame = readers[form](io.BytesIO(files[f"{name}.{form}"]))
        assert len(frame) == dataset["rows"][name]
        if len(frame):
            assert list(frame.columns) == [column["name"] for column in table["columns"]]


def test_a_version_is_found_by_its_identifier(api, exports, caller, owner):
    for form in ("csv", "json"):
        ask(api, caller, DATASETS, {"format": form})
    exports.run()
    [first] = listed(api, caller, version="v1-s1", format="csv")
    contents = [exports.download(file["url"]) for file in first["files"]]
    count_up(owner)
    ask(api, caller, DATASETS, {"format": "csv"})
    exports.run()
    assert [(found["version"], found["format"]) for found in listed(api, caller)] == [
        ("v2-s1", "csv"),
        ("v1-s1", "csv"),
        ("v1-s1", "json"),
    ]
    [again] = listed(api, caller, version="v1-s1", format="csv")
    assert again["sha256"] == first["sha256"]
    assert [exports.download(file["url"]) for file in again["files"]] == contents
    assert listed(api, caller, version="v3-s1") == []
    assert api.get(DATASETS, {"version": "7"}, authorizer=caller).status == 422


@pytest.mark.parametrize("form", list(ExportFormat))
def test_a_version_built_again_has_the_same_bytes(api, exports, caller, owner, form):
    ask(api, caller, DATASETS, {"format": form})
    exports.run()
    [first] = listed(api, caller)
    contents = {
        key: exports.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        for key in exports.stored()
    }
    # As if it had never been: neither the row nor, for its half, the bucket.
    sql(owner, "truncate datasets")
    for key in exports.stored()[::2]:
        exports.s3.delete_object(Bucket=BUCKET, Key=key)
    # The rows lie elsewhere in their table, as after an update of each.
    sql(owner, "update trades set comment = comment")
    job = ask(api, authorizer_context(), DATASETS, {"format": form})
    exports.run()
    [second] = listed(api, caller)
    assert second["sha256"] == first["sha256"]
    assert contents == {
        key: exports.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        for key in exports.stored()
    }
    assert job["kind"] == "research_dataset"


def test_a_version_is_made_once_for_everybody(api, exports, caller, monkeypatch):
    ask(api, caller, DATASETS, {"format": "csv"})
    exports.run()
    monkeypatch.setattr(datasets, "build", lambda *_: 1 / 0)
    other = authorizer_context()
    job = ask(api, other, DATASETS, {"format": "csv"})
    assert exports.run() == []
    done = status(api, other, job)
    assert done["state"] == "succeeded"
    assert {file["name"] for file in done["files"]} > {"manifest.json", "trades.csv"}


def test_a_version_whose_objects_were_lost_is_made_again(api, exports, caller):
    ask(api, caller, DATASETS, {"format": "csv"})
    exports.run()
    for key in exports.stored():
        exports.s3.delete_object(Bucket=BUCKET, Key=key)
    ask(api, authorizer_context(), DATASETS, {"format": "csv"})
    exports.run()
    [dataset] = listed(api, caller)
    for file in dataset["files"]:
        assert hashlib.sha256(exports.download(file["url"])).hexdigest() == file["sha256"]


def test_a_version_is_never_overwritten(api, exports, caller, owner):
    ask(api, caller, DATASETS, {"format": "csv"})
    exports.run()
    before = exports.stored()
    # A database that was restored may count to the same version with other data.
    sql(owner, "truncate datasets")
    sql(
        owner,
        "update trades set comment = 'other' where id = (select min(id::text)::uuid from trades)",
    )
    other = authorizer_context()
    job = ask(api, other, DATASETS, {"format": "csv"})
    assert exports.run() == []
    shown = status(api, other, job)
    assert shown["state"] == "failed"
    assert "has other bytes already" in shown["detail"]
    assert exports.stored() == before
    assert listed(api, caller) == []
    sql(owner, "update trades set comment = null")
