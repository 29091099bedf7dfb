"""What holds of every bucket, and what is copied to another region where one is named."""

from pathlib import Path
from typing import Any

import pytest
from infra_support import Assembly, Resource, as_list, dummy_artefacts, synthesise, text_of

REGION = "us-west-2"


def _buckets(assembly: Assembly) -> dict[str, Resource]:
    return {
        name: resource
        for stack in assembly.templates
        for name, resource in assembly.resources("AWS::S3::Bucket", stack).items()
    }


def _policy(assembly: Assembly, bucket: str) -> list[dict[str, Any]]:
    [policy] = [
        policy
        for stack in assembly.templates
        for policy in assembly.properties("AWS::S3::BucketPolicy", stack)
        if policy["Bucket"] == {"Ref": bucket}
    ]
    statements: list[dict[str, Any]] = policy["PolicyDocument"]["Statement"]
    return statements


def test_every_bucket_is_private_encrypted_and_versioned(assembly: Assembly) -> None:
    assert _buckets(assembly)
    for name, resource in _buckets(assembly).items():
        bucket = resource["Properties"]
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}, name
        assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
        assert bucket["BucketEncryption"], name
        assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}, name
        rules = bucket["LifecycleConfiguration"]["Rules"]
        assert any("AbortIncompleteMultipartUpload" in rule for rule in rules), name


def test_buckets_of_data_refuse_old_tls(assembly: Assembly) -> None:
    for name in assembly.resources("AWS::S3::Bucket", "Data"):
        refused = [
            statement["Condition"]
            for statement in _policy(assembly, name)
            if (statement["Effect"], statement["Action"], statement["Principal"])
            == ("Deny", "s3:*", {"AWS": "*"})
        ]
        assert refused == [
            {"Bool": {"aws:SecureTransport": "false"}},
            {"NumericLessThan": {"s3:TlsVersion": 1.2}},
        ], name


def test_requests_for_data_are_logged_in_one_bucket_that_forgets(assembly: Assembly) -> None:
    buckets = assembly.resources("AWS::S3::Bucket", "Data")
    prefixes = {}
    for name, resource in buckets.items():
        if not name.startswith("AccessLogs"):
            logging = resource["Properties"]["LoggingConfiguration"]
            assert logging["DestinationBucketName"]["Ref"].startswith("AccessLogs")
            prefixes[name] = logging["LogFilePrefix"]
    assert len(set(prefixes.values())) == len(prefixes) >= 4
    [(logs, resource)] = [item for item in buckets.items() if item[0].startswith("AccessLogs")]
    rules = resource["Properties"]["LifecycleConfiguration"]["Rules"]
    assert [rule["ExpirationInDays"] for rule in rules if "ExpirationInDays" in rule] == [90]
    allowed = [item for item in _policy(assembly, logs) if item["Effect"] == "Allow"]
    writers = {}
    for statement in allowed:
        assert statement["Action"] == "s3:PutObject"
        assert statement["Principal"] == {"Service": "logging.s3.amazonaws.com"}
        source = statement["Condition"]["ArnLike"]["aws:SourceArn"]["Fn::GetAtt"][0]
        writers[source] = statement["Resource"]["Fn::Join"][1][-1]
    assert writers == {name: f"/{prefix}*" for name, prefix in prefixes.items()}


@pytest.fixture(scope="module")
def replicated(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    folder = tmp_path_factory.mktemp("replicated")
    artefacts = dummy_artefacts(tmp_path_factory.mktemp("replicated-artefacts"))
    return synthesise("prod", artefacts, Path(folder), replica_region=REGION)


def test_nothing_is_replicated_unless_a_region_is_named(assembly: Assembly) -> None:
    assert "Replica" not in assembly.templates
    for resource in _buckets(assembly).values():
        assert "ReplicationConfiguration" not in resource["Properties"]


@pytest.mark.parametrize(
    ("bucket", "part", "prefix"), [("Raw", "raw", "raw/"), ("Anchors", "anchors", "")]
)
def test_replicas_take_copies_and_no_deletions(
    replicated: Assembly, bucket: str, part: str, prefix: str
) -> None:
    resource, _ = replicated.bucket(bucket)
    replication = resource["Properties"]["ReplicationConfiguration"]
    [rule] = replication["Rules"]
    assert rule["Status"] == "Enabled"
    assert rule["DeleteMarkerReplication"] == {"Status": "Disabled"}
    assert rule["Filter"] == {"Prefix": prefix}
    replica = f"quant-prod-{part}-replica-<AWS::AccountId>"
    assert text_of(rule["Destination"]["Bucket"]) == f"arn:<AWS::Partition>:s3:::{replica}"
    [there] = [
        item["Properties"]
        for item in replicated.resources("AWS::S3::Bucket", "Replica").values()
        if text_of(item["Properties"].get("BucketName", "")) == replica
    ]
    assert there["VersioningConfiguration"] == {"Status": "Enabled"}
    # A replica forgets no sooner, and lets nobody delete what the original does not.
    assert there.get("ObjectLockConfiguration") == resource["Properties"].get(
        "ObjectLockConfiguration"
    )
    role = replication["Role"]["Fn::GetAtt"][0]
    rights = {
        action: text_of(statement["Resource"]).rpartition(":::")[2]
        for statement in replicated.statements(role)
        for action in as_list(statement["Action"])
        if "Replicate" in action
    }
    assert rights == dict.fromkeys(
        ("s3:ReplicateObject", "s3:ReplicateTags"), f"{replica}/{prefix}*"
    )
    assert not any(statement["Resource"] == "*" for statement in replicated.statements(role))


def test_replicas_are_made_first_and_where_they_are_wanted(replicated: Assembly) -> None:
    import json

    manifest = json.loads((replicated.folder / "manifest.json").read_text())["artifacts"]
    assert manifest["Replica"]["environment"].endswith(f"/{REGION}")
    assert "Replica" in manifest["Data"]["dependencies"]


def test_the_replicas_region_is_another(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="another region"):
        synthesise(
            "prod", dummy_artefacts(tmp_path / "a"), tmp_path / "b", replica_region="us-east-1"
        )
