"""Machine learning: its bucket, who may touch what, and what runs in containers on AWS."""

from collections.abc import Callable

import pytest
from infra.ml_functions import (
    ALIAS,
    EVALUATE,
    FIT,
    ML_FUNCTIONS,
    MONITOR,
    PREDICT,
    PREPARE,
    PUBLISH,
    REGISTER,
)
from infra.paths import ROOT
from infra_support import Assembly, as_list, text_of

from quant.ml import layout

STEPS = list(ML_FUNCTIONS)


def test_bucket_is_versioned_encrypted_and_private(assembly: Assembly) -> None:
    resource, statement = assembly.bucket("Ml")
    bucket = resource["Properties"]
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket["BucketEncryption"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert (statement["Effect"], statement["Action"]) == ("Deny", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    kept = "Retain" if assembly.config.retain_data else "Delete"
    assert resource["DeletionPolicy"] == kept


def test_runs_and_artifacts_never_expire(assembly: Assembly) -> None:
    bucket, _ = assembly.bucket("Ml")
    rules = bucket["Properties"]["LifecycleConfiguration"]["Rules"]
    expiring = {rule["Prefix"]: rule["ExpirationInDays"] for rule in rules if "Prefix" in rule}
    assert set(expiring) == {f"{layout.SNAPSHOTS}/", f"{layout.FEATURES}/"}
    # A year's runs can be repeated.
    assert min(expiring.values()) > 365


@pytest.mark.parametrize("name", STEPS)
def test_steps_touch_their_own_keys_alone(assembly: Assembly, name: str) -> None:
    _, function = assembly.function(name)
    access = ML_FUNCTIONS[name].models
    found: dict[str, set[str]] = {}
    for statement in assembly.statements(function["Role"]["Fn::GetAtt"][0]):
        for action in as_list(statement["Action"]):
            if action.startswith("s3:"):
                keys = {text_of(item).partition("/")[2] for item in as_list(statement["Resource"])}
                found.setdefault(action, set()).update(keys)
                if action == "s3:ListBucket":
                    [prefixes] = statement["Condition"]["StringLikeIfExists"].values()
                    assert set(as_list(prefixes)) == set(access.reads)
    expected = {"s3:GetObject": set(access.reads), "s3:PutObject": set(access.writes)}
    if access.reads:
        expected["s3:ListBucket"] = {""}
    assert found == {action: keys for action, keys in expected.items() if keys}


def test_artifacts_are_written_by_the_evaluation_alone() -> None:
    artifacts = f"{layout.ARTIFACTS}/*"
    writers = {name for name, needs in ML_FUNCTIONS.items() if artifacts in needs.models.writes}
    assert writers == {EVALUATE}


def test_snapshots_with_prices_are_read_by_those_with_the_database_alone() -> None:
    snapshots = f"{layout.SNAPSHOTS}/*"
    readers = {name for name, needs in ML_FUNCTIONS.items() if snapshots in needs.models.reads}
    assert readers == {PREPARE, PREDICT}
    assert all(ML_FUNCTIONS[name].stores for name in readers)


@pytest.mark.parametrize("name", STEPS)
def test_steps_reach_the_database_or_the_tracking_server_or_neither(
    assembly: Assembly, name: str
) -> None:
    _, function = assembly.function(name)
    isolated = name in {PREPARE, PUBLISH, PREDICT, MONITOR}
    tracks = name in {REGISTER, ALIAS}
    variables = function["Environment"]["Variables"]
    assert ("VpcConfig" in function) is ("QUANT_DATABASE_HOST" in variables) is isolated
    assert ("QUANT_TRACKING_URI" in variables) is tracks
    # On AWS a role logs in to the database by itself.
    by_password = isolated and assembly.config.local is not None
    assert any("SECRET" in variable for variable in variables) is by_password


@pytest.mark.parametrize("name", STEPS)
def test_steps_are_in_containers_on_aws(aws_assembly: Assembly, name: str) -> None:
    _, function = aws_assembly.function(name)
    assert function["PackageType"] == "Image"
    assert function["ImageConfig"] == {"Command": [f"{name}.handler"]}
    assert function["Architectures"] == ["arm64"]
    assert "Layers" not in function


@pytest.mark.parametrize("name", STEPS)
def test_training_has_a_layer_in_the_local_cloud(
    assemble: Callable[[str], Assembly], name: str
) -> None:
    _, function = assemble("local").function(name)
    layers = {layer["Ref"].rstrip("0123456789ABCDEF") for layer in function["Layers"]}
    assert any(layer.startswith("Training") for layer in layers) is (
        name in {FIT, EVALUATE, REGISTER, ALIAS}
    )


@pytest.mark.parametrize("name", STEPS)
def test_image_is_built_from_what_it_needs_alone(aws_assembly: Assembly, name: str) -> None:
    context = aws_assembly.image(name)
    assert {path.name for path in context.iterdir()} == {
        "Dockerfile",
        "functions",
        "locks",
        "python",
    }
    dockerfile = (context / "Dockerfile").read_text()
    assert "FROM public.ecr.aws/lambda/python:3.13-arm64\n" in dockerfile
    assert "--require-hashes" in dockerfile
    for lock in (context / "locks").iterdir():
        assert lock.read_bytes() == (ROOT / f"layers/{lock.stem}/requirements.txt").read_bytes()
    locks = {lock.stem for lock in (context / "locks").iterdir()}
    assert locks == {*ML_FUNCTIONS[name].layers} - {"quant"}


def test_locks_of_an_image_agree() -> None:
    pins: dict[str, set[str]] = {}
    for layer in {*ML_FUNCTIONS[FIT].layers} - {"quant"}:
        for line in (ROOT / f"layers/{layer}/requirements.txt").read_text().splitlines():
            package, equal, version = line.partition("==")
            if equal and not line.startswith(" "):
                pins.setdefault(package, set()).add(version.split()[0])
    assert "lightgbm" in pins
    assert not {package: found for package, found in pins.items() if len(found) > 1}
