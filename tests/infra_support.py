"""Synthesised templates of the CDK app, and ways to ask them questions."""

import json
import os
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
if str(PROJECT) not in sys.path:
    sys.path.append(str(PROJECT))

os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "1")

from aws_cdk import App  # noqa: E402
from infra.all_functions import FUNCTIONS  # noqa: E402
from infra.app import add_stacks  # noqa: E402
from infra.batch_functions import BATCH_FUNCTIONS  # noqa: E402
from infra.components.function_alarm import alarm_name  # noqa: E402
from infra.config import Config, config  # noqa: E402
from infra.functions import AREA_FUNCTIONS  # noqa: E402
from infra.ml_functions import ML_FUNCTIONS  # noqa: E402
from infra.paths import LOCAL_LAYERS, Artefacts  # noqa: E402
from infra.pipeline_functions import PIPELINE_FUNCTIONS  # noqa: E402
from infra.rules import check  # noqa: E402
from infra.schema_functions import SCHEMA_FUNCTIONS  # noqa: E402

LOCAL_CONTEXT = {
    "database_host": "127.0.0.1",
    "database_port": "15432",
    "valkey_host": "127.0.0.1",
    "valkey_port": "16379",
}

# Those of every environment; on AWS there are more, which a template of ``Assembly`` says.
STACKS = (
    "Network",
    "Data",
    "Schema",
    "Disclosures",
    "Accounts",
    "Analytics",
    "Api",
    "Pipeline",
    "Ml",
    "Observability",
)

Resource = dict[str, Any]


def text_of(node: Any) -> str:
    """Return a value of a template as one string, references by their logical ids."""
    match node:
        case str():
            return node
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(text_of(part) for part in parts)
        case {"Ref": name}:
            return f"<{name}>"
    return ""


def as_list(value: Any) -> list[Any]:
    """Return what a template has as a list or, where it is one thing, by itself."""
    return value if isinstance(value, list) else [value]


def name_of(function: Mapping[str, Any]) -> str:
    """Return the name of a function by its properties: an image's handler is in a command."""
    if function.get("PackageType") == "Image":
        [handler] = function["ImageConfig"]["Command"]
    else:
        handler = function["Handler"]
    return str(handler.removesuffix(".handler"))


@dataclass(frozen=True)
class Assembly:
    """What one environment synthesises to."""

    config: Config
    folder: Path
    templates: Mapping[str, dict[str, Any]]

    def resources(self, kind: str, stack: str = "Api") -> dict[str, Resource]:
        """Return the resources of one CloudFormation type by logical id."""
        return {
            name: resource
            for name, resource in self.templates[stack]["Resources"].items()
            if resource["Type"] == kind
        }

    def properties(self, kind: str, stack: str = "Api") -> list[dict[str, Any]]:
        return [resource["Properties"] for resource in self.resources(kind, stack).values()]

    def functions(self) -> dict[str, dict[str, Any]]:
        """Return the properties of all functions by logical id."""
        return {
            logical_id: resource["Properties"]
            for stack in self.templates
            for logical_id, resource in self.resources("AWS::Lambda::Function", stack).items()
        }

    def function(self, name: str) -> tuple[str, dict[str, Any]]:
        """Return logical id and properties of a function."""
        [found] = [item for item in self.functions().items() if name_of(item[1]) == name]
        return found

    def methods(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Return the properties of every method of the API by verb and path."""
        resources = self.resources("AWS::ApiGateway::Resource")

        def path(reference: dict[str, Any]) -> str:
            if "Fn::GetAtt" in reference:  # the API's root resource
                return ""
            properties = resources[reference["Ref"]]["Properties"]
            return f"{path(properties['ParentId'])}/{properties['PathPart']}"

        found: dict[tuple[str, str], dict[str, Any]] = {}
        for properties in self.properties("AWS::ApiGateway::Method"):
            key = properties["HttpMethod"], path(properties["ResourceId"]) or "/"
            assert key not in found
            found[key] = properties
        return found

    def alarms(self, stack: str) -> dict[str, dict[str, Any]]:
        """Return the alarms of a stack by their names in the environment.

        Without those that every function has of its own.
        """
        alarms = {
            alarm["AlarmName"].removeprefix(self.config.name("")): alarm
            for alarm in self.properties("AWS::CloudWatch::Alarm", stack)
        }
        own = {alarm_name(name) for name in FUNCTIONS}
        return {name: alarm for name, alarm in alarms.items() if name not in own}

    def stack_of(self, name: str) -> str:
        """Return the stack of a function."""
        if name in PIPELINE_FUNCTIONS:
            return "Pipeline"
        if name in ML_FUNCTIONS:
            return "Ml"
        if name in SCHEMA_FUNCTIONS:
            return "Schema"
        if name in BATCH_FUNCTIONS:
            return "Analytics"
        for area, functions in AREA_FUNCTIONS.items():
            if name in functions:
                return area.capitalize()
        return "Api"

    def code(self, name: str) -> Path:
        """Return the folder that becomes a function's code."""
        _, properties = self.function(name)
        if "ImageUri" in properties["Code"]:
            return self.image(name) / "functions"
        digest = properties["Code"]["S3Key"].removesuffix(".zip")
        return self.folder / f"asset.{digest}"

    def image(self, name: str) -> Path:
        """Return the folder that a function's container image is built from."""
        _, properties = self.function(name)
        digest = properties["Code"]["ImageUri"]["Fn::Sub"].rpartition(":")[2]
        return self.folder / f"asset.{digest}"

    def bucket(self, prefix: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the one bucket of the data stack named so, and what its policy says of TLS."""
        [(name, bucket)] = [
            (name, resource)
            for name, resource in self.resources("AWS::S3::Bucket", "Data").items()
            if name.startswith(prefix)
        ]
        [policy] = [
            policy["PolicyDocument"]
            for policy in self.properties("AWS::S3::BucketPolicy", "Data")
            if policy["Bucket"] == {"Ref": name}
        ]
        [statement] = [item for item in policy["Statement"] if "Bool" in item["Condition"]]
        return bucket, statement

    def statements(self, role_id: str) -> list[dict[str, Any]]:
        """Return the statements of all policies in a role or attached to it."""
        roles = {
            name: resource["Properties"]
            for stack in self.templates
            for name, resource in self.resources("AWS::IAM::Role", stack).items()
        }
        policies = [
            *roles[role_id].get("Policies", ()),
            *(
                policy
                for stack in self.templates
                for policy in self.properties("AWS::IAM::Policy", stack)
                if {"Ref": role_id} in policy["Roles"]
            ),
        ]
        return [
            statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]
        ]


def dummy_artefacts(root: Path) -> Artefacts:
    """Write a handler for every function, empty layers, and whatever the routes bundle."""
    artefacts = Artefacts(root / "functions", root / "layers", root / "bundles")
    for name in FUNCTIONS:
        folder, module = name.split(".")
        package = artefacts.functions / folder
        package.mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").touch()
        (package / "_shared.py").write_text("SHARED = 1\n")
        (package / f"{module}.py").write_text(
            f"def handler(event, context):\n    return {name!r}\n"
        )
    artefacts.layers.mkdir()
    for layer in LOCAL_LAYERS:
        with zipfile.ZipFile(artefacts.layers / f"{layer}.zip", "w") as archive:
            archive.writestr(zipfile.ZipInfo(f"python/{layer}.py"), "")
    for bundle in {bundle for needs in FUNCTIONS.values() for bundle in needs.bundles}:
        path = artefacts.bundles / bundle
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix:
            path.write_text("{}")
        else:
            path.mkdir()
            (path / "file.js").touch()
    return artefacts


def synthesise(environment: str, artefacts: Artefacts, folder: Path, **context: str) -> Assembly:
    """Synthesise one environment with the flags of cdk.json and further context.

    What breaks the rules is in the folder's validation report, and fails only the tests of it.
    """
    flags = json.loads((PROJECT / "cdk.json").read_text())["context"]
    app = App(
        outdir=str(folder),
        context={**flags, "@aws-cdk/core:failSynthOnValidationErrors": False},
    )
    settings = config(environment, {**LOCAL_CONTEXT, **context}.get)
    add_stacks(app, settings, artefacts)
    if settings.local is None:
        check(app)
    assembly = app.synth()
    return Assembly(
        config=settings,
        folder=folder,
        templates={stack.id: stack.template for stack in assembly.stacks},
    )
