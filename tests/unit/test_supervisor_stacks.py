import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from supervisor.commands import StepError
from supervisor.stacks import Assembly, create, publish, require_complete


def stack(name: str, *dependencies: str) -> dict[str, Any]:
    return {
        "type": "aws:cloudformation:stack",
        "properties": {
            "stackName": f"quant-{name}",
            "stackTemplateAssetObjectUrl": f"s3://assets-${{AWS::AccountId}}/{name}.json",
            "tags": {"project": "quant"},
        },
        "dependencies": list(dependencies),
    }


@pytest.fixture
def assembly(tmp_path: Path) -> Assembly:
    directory = tmp_path / "cdk.out"
    (directory / "asset.1" / "package").mkdir(parents=True)
    (directory / "asset.1" / "package" / "module.py").write_text("x = 1\n")
    (directory / "Api.template.json").write_text("{}")
    destination = {"bucketName": "assets-${AWS::AccountId}", "region": "us-east-1"}
    files = {
        "1": {
            "source": {"path": "asset.1", "packaging": "zip"},
            "destinations": {"d": destination | {"objectKey": "1.zip"}},
        },
        "2": {
            "source": {"path": "Api.template.json", "packaging": "file"},
            "destinations": {"d": destination | {"objectKey": "Api.json"}},
        },
    }
    artifacts = {
        "Api": stack("Api", "Network", "Data", "Api.assets"),
        "Data": stack("Data", "Network"),
        "Network": stack("Network"),
        "Api.assets": {"type": "cdk:asset-manifest", "properties": {"file": "Api.assets.json"}},
        "Tree": {"type": "cdk:tree", "properties": {"file": "tree.json"}},
    }
    (directory / "Api.assets.json").write_text(json.dumps({"files": files}))
    (directory / "manifest.json").write_text(json.dumps({"artifacts": artifacts}))
    return Assembly(directory, "000000000000", "us-east-1")


class FakeS3:
    def __init__(self) -> None:
        self.uploads: dict[tuple[str, str], bytes] = {}

    def upload_file(self, path: str, bucket: str, key: str) -> None:
        self.uploads[bucket, key] = Path(path).read_bytes()


class FakeCloudFormation:
    def __init__(self, statuses: dict[str, str]) -> None:
        self.created: list[dict[str, Any]] = []
        self._statuses = statuses

    def create_stack(self, **request: Any) -> None:
        self.created.append(request)

    def describe_stacks(self, StackName: str | None = None) -> dict[str, Any]:  # noqa: N803
        names = [StackName] if StackName else [f"quant-{n}" for n in ("Network", "Data", "Api")]
        stacks = []
        for name in names:
            outputs = [{"OutputKey": f"{name}-key", "OutputValue": "value"}]
            status = self._statuses.get(name, "CREATE_COMPLETE")
            stacks.append({"StackName": name, "StackStatus": status, "Outputs": outputs})
        return {"Stacks": stacks}

    def get_paginator(self, operation: str) -> Any:
        assert operation == "describe_stack_events"
        return self

    def paginate(self, StackName: str) -> list[dict[str, Any]]:  # noqa: N803
        stack = {"ResourceType": "AWS::CloudFormation::Stack", "LogicalResourceId": StackName}
        queue = {"ResourceType": "AWS::SQS::Queue", "LogicalResourceId": "Queue"}
        newest_first = [
            stack | {"ResourceStatus": "UPDATE_ROLLBACK_COMPLETE"},
            queue | {"ResourceStatus": "UPDATE_FAILED", "ResourceStatusReason": "name taken"},
            queue | {"ResourceStatus": "UPDATE_IN_PROGRESS"},
            stack | {"ResourceStatus": "UPDATE_IN_PROGRESS"},
            queue | {"ResourceStatus": "CREATE_FAILED", "ResourceStatusReason": "long ago"},
        ]
        return [{"StackEvents": newest_first[:2]}, {"StackEvents": newest_first[2:]}]


def test_stacks_come_after_those_they_depend_on(assembly: Assembly) -> None:
    assert [stack.name for stack in assembly.stacks()] == [
        "quant-Network",
        "quant-Data",
        "quant-Api",
    ]


def test_folders_are_uploaded_as_zips_and_kept(assembly: Assembly, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "of-an-earlier-assembly.zip").write_text("x")
    s3 = FakeS3()
    publish(assembly, s3, cache)
    assert set(s3.uploads) == {("assets-000000000000", key) for key in ("1.zip", "Api.json")}
    assert [path.name for path in cache.iterdir()] == ["1.zip"]
    assert zipfile.ZipFile(cache / "1.zip").read("package/module.py") == b"x = 1\n"


def test_templates_are_taken_from_the_bucket(assembly: Assembly) -> None:
    cloudformation = FakeCloudFormation({})
    outputs = create(assembly, cloudformation, "http://127.0.0.1:4566")
    assert [request["TemplateURL"] for request in cloudformation.created] == [
        f"http://127.0.0.1:4566/assets-000000000000/{name}.json"
        for name in ("Network", "Data", "Api")
    ]
    assert cloudformation.created[0]["Tags"] == [{"Key": "project", "Value": "quant"}]
    assert outputs == {f"quant-{name}-key": "value" for name in ("Network", "Data", "Api")}


def test_a_failed_stack_is_reported_with_its_resources(assembly: Assembly) -> None:
    cloudformation = FakeCloudFormation({"quant-Data": "ROLLBACK_COMPLETE"})
    with pytest.raises(StepError, match=r"(?s)quant-Data is ROLLBACK.*Queue: name taken"):
        create(assembly, cloudformation, "http://127.0.0.1:4566")
    assert len(cloudformation.created) == 2


@pytest.mark.parametrize("status", ["CREATE_COMPLETE", "UPDATE_COMPLETE"])
def test_complete_stacks_pass(assembly: Assembly, status: str) -> None:
    require_complete(assembly, FakeCloudFormation({"quant-Api": status}))


def test_a_rolled_back_stack_is_reported_with_the_last_failures(assembly: Assembly) -> None:
    cloudformation = FakeCloudFormation({"quant-Api": "UPDATE_ROLLBACK_COMPLETE"})
    with pytest.raises(StepError) as failure:
        require_complete(assembly, cloudformation)
    assert str(failure.value) == (
        "deploy: quant-Api is UPDATE_ROLLBACK_COMPLETE: it is as it was before, and goes on "
        "serving\n  AWS::SQS::Queue Queue: name taken"
    )
