"""Puts the stacks of a cloud assembly that was deployed before back into an empty LocalStack.

LocalStack keeps nothing across a restart. `cdk deploy` makes every first deployment and every
change; it asks CloudFormation every five seconds how each stack is, which would be most of the time
that starting an unchanged local cloud again takes.

The assembly's form: https://docs.aws.amazon.com/cdk/api/v2/docs/cloud-assembly-schema-readme.html
"""

import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from supervisor.commands import StepError
from supervisor.state import read_json

_POLL = 0.1
_TIMEOUT = 180.0
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]


@dataclass(frozen=True)
class Asset:
    """A file or folder the stacks refer to.

    Attributes:
        source: where it is in the assembly.
        zipped: whether it is uploaded as a zip of the folder.
        bucket: destination bucket.
        key: destination key.
    """

    source: Path
    zipped: bool
    bucket: str
    key: str


@dataclass(frozen=True)
class Stack:
    """A stack of the assembly.

    Attributes:
        artifact: its id in the assembly.
        name: its name in CloudFormation.
        template: (bucket, key) of its template, which is one of the assets.
        dependencies: artifact ids of what must be there before it.
        tags: of the stack, and of all its resources that can have any.
    """

    artifact: str
    name: str
    template: tuple[str, str]
    dependencies: frozenset[str]
    tags: dict[str, str]


class Assembly:
    """A synthesised cloud assembly.

    Args:
        directory: the folder, with ``manifest.json``.
        account: AWS account that stands for the placeholder in destinations.
        region: likewise.
    """

    def __init__(self, directory: Path, account: str, region: str) -> None:
        self._directory = directory
        self._placeholders = {"${AWS::AccountId}": account, "${AWS::Region}": region}
        self._artifacts: dict[str, Any] = read_json(directory / "manifest.json")["artifacts"]

    def assets(self) -> list[Asset]:
        """Return the files to upload, each once."""
        found = {}
        for artifact in self._artifacts.values():
            if artifact["type"] == "cdk:asset-manifest":
                manifest = read_json(self._directory / artifact["properties"]["file"])
                for asset in self._read_assets(manifest):
                    found[asset.bucket, asset.key] = asset
        return list(found.values())

    def stacks(self) -> list[Stack]:
        """Return the stacks, each after those it depends on."""
        stacks = {
            name: self._read_stack(name, artifact)
            for name, artifact in self._artifacts.items()
            if artifact["type"] == "aws:cloudformation:stack"
        }
        ordered: dict[str, Stack] = {}

        def visit(stack: Stack) -> None:
            for dependency in sorted(stack.dependencies & stacks.keys()):
                if dependency not in ordered:
                    visit(stacks[dependency])
            ordered[stack.artifact] = stack

        for stack in stacks.values():
            if stack.artifact not in ordered:
                visit(stack)
        return list(ordered.values())

    def _read_assets(self, manifest: dict[str, Any]) -> Iterator[Asset]:
        for file in manifest["files"].values():
            source = file["source"]
            for destination in file["destinations"].values():
                yield Asset(
                    self._directory / source["path"],
                    source["packaging"] == "zip",
                    self._resolve(destination["bucketName"]),
                    self._resolve(destination["objectKey"]),
                )

    def _read_stack(self, name: str, artifact: dict[str, Any]) -> Stack:
        properties = artifact["properties"]
        url = urlsplit(self._resolve(properties["stackTemplateAssetObjectUrl"]))
        return Stack(
            name,
            properties.get("stackName", name),
            (url.netloc, url.path.lstrip("/")),
            frozenset(artifact.get("dependencies", [])),
            dict(properties.get("tags", {})),
        )

    def _resolve(self, text: str) -> str:
        for placeholder, value in self._placeholders.items():
            text = text.replace(placeholder, value)
        return text


def publish(assembly: Assembly, s3: Any, cache: Path) -> None:
    """Upload all assets.

    Args:
        assembly: what to upload.
        s3: boto3 client.
        cache: folder that keeps the zips for the next time; their names follow their content.
    """
    cache.mkdir(parents=True, exist_ok=True)
    assets = assembly.assets()

    def upload(asset: Asset) -> None:
        path = _zip(asset, cache) if asset.zipped else asset.source
        s3.upload_file(str(path), asset.bucket, asset.key)

    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(upload, assets))
    current = {asset.key for asset in assets}
    for path in cache.iterdir():
        if path.name not in current:
            path.unlink()


def create(assembly: Assembly, cloudformation: Any, endpoint: str) -> dict[str, str]:
    """Create the stacks one after the other.

    Args:
        assembly: where they are described; its assets must be published.
        cloudformation: boto3 client.
        endpoint: URL under which CloudFormation finds the templates' bucket.

    Returns:
        The outputs of all stacks by their names.

    Raises:
        StepError: a stack could not be created; the message has the failed resources.
    """
    outputs = {}
    for stack in assembly.stacks():
        cloudformation.create_stack(
            StackName=stack.name,
            TemplateURL="/".join((endpoint, *stack.template)),
            Capabilities=_CAPABILITIES,
            Tags=[{"Key": key, "Value": value} for key, value in stack.tags.items()],
        )
        answer = _wait(stack, cloudformation)
        for output in answer.get("Outputs", []):
            outputs[output["OutputKey"]] = output["OutputValue"]
    return outputs


def _wait(stack: Stack, cloudformation: Any) -> dict[str, Any]:
    deadline = time.monotonic() + _TIMEOUT
    while True:
        answer: dict[str, Any] = cloudformation.describe_stacks(StackName=stack.name)["Stacks"][0]
        status = answer["StackStatus"]
        if status == "CREATE_COMPLETE":
            return answer
        if not status.endswith("_IN_PROGRESS") or time.monotonic() > deadline:
            raise StepError(f"deploy: {stack.name} is {status}\n{_failures(stack, cloudformation)}")
        time.sleep(_POLL)


def require_complete(assembly: Assembly, cloudformation: Any) -> None:
    """Check that the stacks were created or updated, whatever a deployment said.

    Raises:
        StepError: one was not; the message says what serves now, and has the failed resources.
    """
    statuses = {
        stack["StackName"]: stack["StackStatus"]
        for stack in cloudformation.describe_stacks()["Stacks"]
    }
    for stack in assembly.stacks():
        status = statuses.get(stack.name, "absent")
        if status in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
            continue
        if status == "UPDATE_ROLLBACK_COMPLETE":
            status += ": it is as it was before, and goes on serving"
        failures = _failures(stack, cloudformation) if stack.name in statuses else ""
        raise StepError(f"deploy: {stack.name} is {status}\n{failures}".rstrip())


def _failures(stack: Stack, cloudformation: Any) -> str:
    """Say which resources failed in the last operation on a stack, and why."""
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack.name)
    failures: list[str] = []
    for event in (event for page in pages for event in page["StackEvents"]):  # newest first
        status = event["ResourceStatus"]
        of_stack = event["ResourceType"] == "AWS::CloudFormation::Stack"
        if of_stack and status in {"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"}:
            break
        if status.endswith("_FAILED") and not of_stack:
            failures.append(
                f"  {event['ResourceType']} {event['LogicalResourceId']}: "
                f"{event.get('ResourceStatusReason', 'no reason given')}"
            )
    return "\n".join(reversed(failures))


def _zip(asset: Asset, cache: Path) -> Path:
    path = cache / Path(asset.key).name
    if path.exists():
        return path
    making = path.with_suffix(".new")
    with zipfile.ZipFile(
        making, "w", zipfile.ZIP_DEFLATED, compresslevel=1, strict_timestamps=False
    ) as archive:
        for file in sorted(asset.source.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(asset.source))
    making.replace(path)
    return path
