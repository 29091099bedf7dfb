"""What schedules start: the audit log's anchors and its upkeep."""

import json

import httpx
import pytest
from botocore.exceptions import ClientError
from e2e_support import TIMEOUT_S, Platform

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def platform(local_cloud):
    if not local_cloud.name:
        pytest.skip("--base-url is given: its functions are not ours to invoke")
    with httpx.Client(base_url=local_cloud.url, timeout=TIMEOUT_S) as client:
        yield Platform(local_cloud, client)


def run(platform, schedule):
    """What a schedule's target answers."""
    target = platform.aws("scheduler").get_schedule(Name=f"quant-local-{schedule}")["Target"]
    answer = platform.aws("lambda").invoke(FunctionName=target["Arn"], Payload=target["Input"])
    document = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, document
    return document


def test_anchor_is_kept_where_nobody_can_change_it(platform):
    platform.person()
    written = run(platform, "audit-anchor")
    s3 = platform.aws("s3")
    [bucket] = [
        bucket["Name"]
        for bucket in s3.list_buckets()["Buckets"]
        if bucket["Name"].startswith("quant-local-data-anchors")
    ]
    stored = s3.get_object(Bucket=bucket, Key=written["key"])
    assert stored["Body"].read().decode().strip() == written["anchor"]
    assert stored["ObjectLockMode"] == "GOVERNANCE"
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(Bucket=bucket, Key=written["key"], VersionId=stored["VersionId"])
    verified = platform.operator("audit", "verify", "--anchor", written["anchor"], "--json")
    assert verified.returncode == 0, verified.stderr
    assert json.loads(verified.stdout)["valid"]
    number, _, digest = written["anchor"].partition(":")
    forged = f"{number}:{digest[::-1]}"
    assert platform.operator("audit", "verify", "--anchor", forged).returncode == 1


def test_upkeep_makes_months_and_deletes_who_never_came_back(platform):
    email = "abandoned@example.org"
    platform.sql("delete from accounts where email = :email", email=email)
    platform.sql(
        "insert into accounts (id, email, password_hash, created_at)"
        " values (gen_random_uuid(), :email, '', now() - interval '8 days')",
        email=email,
    )
    done = run(platform, "audit-maintenance")
    assert done["accounts_deleted"] >= 1
    assert platform.sql("select id from accounts where email = :email", email=email) == []
    assert platform.audited(event="account_deleted")
    assert run(platform, "audit-maintenance") == {
        "months_made": 0,
        "accounts_deleted": 0,
        "months_dropped": [],
    }
