"""What `quant config check` says of a deployment, said of the templates it is made from."""

import json
import os
import secrets
import string
import subprocess
from typing import Any

from infra.config import REGION
from infra_support import PROJECT, STACKS, Assembly

from quant.config_check import Severity, check_deployed
from quant.keys import KeyRing, published

ACCOUNT = "000000000000"
ARN = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:"
PSEUDO = {
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
}


class Deployed:
    """A template's values as a deployment would make them."""

    def __init__(self, assembly: Assembly) -> None:
        self._templates = assembly.templates
        self._exports = {
            output["Export"]["Name"]: (stack, output["Value"])
            for stack, template in assembly.templates.items()
            for output in template.get("Outputs", {}).values()
            if "Export" in output
        }
        self._ring = KeyRing.generate()

    def functions(self) -> dict[str, dict[str, str]]:
        return {
            resource["Properties"]["FunctionName"]: {
                name: self._value(stack, value)
                for name, value in resource["Properties"]["Environment"]["Variables"].items()
            }
            for stack in STACKS
            for resource in self._templates[stack]["Resources"].values()
            if resource["Type"] == "AWS::Lambda::Function"
        }

    def read(self, arn: str) -> str:
        """The value of a secret, generated as its template says."""
        name = arn.removeprefix(ARN)[: -len("-AbCdEf")] if arn.startswith(ARN) else arn
        if name.endswith("/signing-key"):
            return self._ring.to_json()
        if name.endswith("/jwks"):
            return json.dumps({"keys": published([], self._ring, 0)})
        [properties] = [
            resource["Properties"]
            for template in self._templates.values()
            for resource in template["Resources"].values()
            if resource["Type"] == "AWS::SecretsManager::Secret"
            and resource["Properties"]["Name"] == name
        ]
        rules = properties["GenerateSecretString"]
        assert rules["ExcludePunctuation"] is True
        alphabet = string.ascii_letters + string.digits
        value = "".join(secrets.choice(alphabet) for _ in range(rules["PasswordLength"]))
        if "GenerateStringKey" not in rules:
            return value
        return json.dumps(
            {**json.loads(rules["SecretStringTemplate"]), rules["GenerateStringKey"]: value}
        )

    def _value(self, stack: str, value: Any) -> str:
        match value:
            case str():
                return value
            case {"Ref": name}:
                return PSEUDO.get(name) or self._resource(stack, name, "")
            case {"Fn::GetAtt": [name, attribute]}:
                return self._resource(stack, name, attribute)
            case {"Fn::ImportValue": name}:
                return self._value(*self._exports[name])
            case {"Fn::Join": [separator, parts]}:
                return str(separator).join(self._value(stack, part) for part in parts)
        raise NotImplementedError(value)

    def _resource(self, stack: str, name: str, attribute: str) -> str:
        resource = self._templates[stack]["Resources"][name]
        match resource["Type"], attribute:
            case "AWS::SecretsManager::Secret", "":
                return f"{ARN}{resource['Properties']['Name']}-AbCdEf"
            case "AWS::SQS::Queue", "":
                queue = resource["Properties"]["QueueName"]
                return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{queue}"
            case _, "Endpoint.Port":
                return "5432"
            case _, "Endpoint.Address" | "Endpoint":
                return f"{name.lower()}.{REGION}.amazonaws.com"
            case _, "":
                return name.lower()
        raise NotImplementedError(resource["Type"], attribute)


def test_deploying_ends_with_the_check() -> None:
    # As from a shell, also where `make test` runs this: a make below another one says more.
    environment = {name: os.environ[name] for name in os.environ if not name.startswith("MAKE")}
    steps = subprocess.run(
        ["make", "--dry-run", "deploy", "ENV=prod"],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    [deploy, check] = [step for step in steps if "ENV=" not in step][-2:]
    assert "cdk deploy --all -c env=prod" in deploy
    assert check.endswith("quant config check --functions quant-prod- --json")


def test_what_is_deployed_passes_the_check(aws_assembly: Assembly) -> None:
    deployed = Deployed(aws_assembly)
    assert check_deployed(deployed.functions(), deployed.read) == []


def test_generated_secrets_of_the_local_environment_are_strong(assemble: Any) -> None:
    deployed = Deployed(assemble("local"))

    def read(arn: str) -> str:
        if arn in {"quant/local/database", "quant/local/database-admin", "quant/local/valkey"}:
            # Made by the supervisor.
            return json.dumps({"username": "quant_app", "password": secrets.token_urlsafe(48)})
        return deployed.read(arn)

    assert check_deployed(deployed.functions(), read) == []


def test_the_check_would_see_a_short_password(aws_assembly: Assembly) -> None:
    deployed = Deployed(aws_assembly)

    def read(arn: str) -> str:
        value = deployed.read(arn)
        if "/database-" not in arn:
            return value
        credentials = json.loads(value)
        return json.dumps({**credentials, "password": credentials["password"][:30]})

    findings = check_deployed(deployed.functions(), read)
    assert {(finding.code, finding.severity) for finding in findings} == {("weak", Severity.ERROR)}
