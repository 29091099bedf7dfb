"""Updates of functions and of what points to them, without an interruption of their service."""

import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from localstack.services.cloudformation.resource_provider import (
    OperationStatus,
    ProgressEvent,
    ResourceRequest,
)
from localstack.services.lambda_.invocation.version_manager import LambdaVersionManager
from localstack.services.lambda_.resource_providers.aws_lambda_function import (
    LambdaFunctionProvider,
    _get_lambda_code_param,
)
from localstack.services.lambda_.resource_providers.aws_lambda_version import LambdaVersionProvider
from localstack.services.lambda_.resource_providers.lambda_alias import LambdaAliasProvider

POLL_SECONDS = 0.02
UPDATE_SECONDS = 60.0
# The longest a function may run: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
INVOCATION_SECONDS = 900.0

# What UpdateFunctionConfiguration takes, and what resets a setting the template no longer has.
CONFIGURATION: dict[str, Any] = {
    "DeadLetterConfig": {},
    "Description": "",
    "Environment": {"Variables": {}},
    "EphemeralStorage": {"Size": 512},
    "Handler": None,
    "Layers": [],
    "LoggingConfig": {"LogFormat": "Text"},
    "MemorySize": 128,
    "Role": None,
    "Runtime": None,
    "SnapStart": {"ApplyOn": "None"},
    "Timeout": 3,
    "TracingConfig": {"Mode": "PassThrough"},
    "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []},
}
_WHOLE_NUMBERS = {"MemorySize", "Timeout"}

Model = dict[str, Any]


class Invocations:
    """Counts the invocations each version is serving."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._changed = threading.Condition()

    def begin(self, version_arn: str) -> None:
        """Note that a version serves one more."""
        with self._changed:
            self._counts[version_arn] += 1

    def end(self, version_arn: str) -> None:
        """Note that a version serves one less."""
        with self._changed:
            self._counts[version_arn] -= 1
            if not self._counts[version_arn]:
                del self._counts[version_arn]
            self._changed.notify_all()

    def wait_until_none(self, version_arn: str, seconds: float) -> bool:
        """Wait until a version serves none; tells whether that came in time."""
        with self._changed:
            return self._changed.wait_for(lambda: version_arn not in self._counts, seconds)


INVOCATIONS = Invocations()


def patch_functions() -> None:
    """Apply all corrections of this module; to be called once."""
    LambdaAliasProvider.update = update_alias
    LambdaFunctionProvider.update = update_function
    _patch_invoke()
    _patch_delete_version()


def _patch_invoke() -> None:
    invoke = LambdaVersionManager.invoke

    def counted_invoke(self: LambdaVersionManager, **arguments: Any) -> Any:
        INVOCATIONS.begin(self.function_arn)
        try:
            return invoke(self, **arguments)
        finally:
            INVOCATIONS.end(self.function_arn)

    LambdaVersionManager.invoke = counted_invoke


def _patch_delete_version() -> None:
    """Let a version finish what it is serving: the core kills its processes."""
    delete = LambdaVersionProvider.delete

    def delete_idle(
        self: LambdaVersionProvider, request: ResourceRequest[Model]
    ) -> ProgressEvent[Model]:
        INVOCATIONS.wait_until_none(request.desired_state["Id"], INVOCATION_SECONDS)
        return delete(self, request)

    LambdaVersionProvider.delete = delete_idle


def update_alias(_: LambdaAliasProvider, request: ResourceRequest[Model]) -> ProgressEvent[Model]:
    """Point the alias to another version."""
    before, after = request.previous_state or {}, request.desired_state
    client = request.aws_client_factory.lambda_
    client.update_alias(
        FunctionName=before["FunctionName"],
        Name=before["Name"],
        FunctionVersion=after["FunctionVersion"],
        Description=after.get("Description") or "",
        RoutingConfig=after.get("RoutingConfig") or {},
    )
    provisioned = after.get("ProvisionedConcurrencyConfig")
    if provisioned != before.get("ProvisionedConcurrencyConfig"):
        target = {"FunctionName": before["FunctionName"], "Qualifier": before["Name"]}
        if provisioned:
            client.put_provisioned_concurrency_config(
                **target, ProvisionedConcurrentExecutions=int(*provisioned.values())
            )
        else:
            client.delete_provisioned_concurrency_config(**target)
    return _success({**after, "Id": before["Id"]})


def update_function(
    _: LambdaFunctionProvider, request: ResourceRequest[Model]
) -> ProgressEvent[Model]:
    """Update what the template changed of the unpublished function: code, settings, tags."""
    before, after = request.previous_state or {}, request.desired_state
    client = request.aws_client_factory.lambda_
    name = before["FunctionName"]
    if changed(before, after, ("Code", "Architectures")):
        code = _get_lambda_code_param(after, _include_arch=True)
        client.update_function_code(FunctionName=name, **code)
        _wait_until_updated(client, name)
    settings = configuration(before, after)
    if settings:
        client.update_function_configuration(FunctionName=name, **settings)
        _wait_until_updated(client, name)
    if changed(before, after, ["Tags"]):
        _set_tags(client, before, after)
    return _success({**after, "FunctionName": name, "Arn": before["Arn"]})


def changed(before: Mapping[str, Any], after: Mapping[str, Any], names: Iterable[str]) -> set[str]:
    """Those of the properties that have another value."""
    return {name for name in names if before.get(name) != after.get(name)}


def configuration(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of UpdateFunctionConfiguration for the properties a template changed."""
    settings = {}
    for name in sorted(changed(before, after, CONFIGURATION)):
        value = after[name] if after.get(name) is not None else CONFIGURATION[name]
        if name in _WHOLE_NUMBERS:
            value = int(value)
        elif name == "Environment":
            variables = value.get("Variables") or {}
            value = {"Variables": {key: str(text) for key, text in variables.items()}}
        settings[name] = value
    return settings


def _set_tags(client: Any, before: Model, after: Model) -> None:
    old, new = (
        {tag["Key"]: tag["Value"] for tag in model.get("Tags") or []} for model in (before, after)
    )
    if removed := sorted(old.keys() - new.keys()):
        client.untag_resource(Resource=before["Arn"], TagKeys=removed)
    if new:
        client.tag_resource(Resource=before["Arn"], Tags=new)


def _wait_until_updated(client: Any, name: str) -> None:
    """Wait for the end of an update, which boto3's waiter would look for every second."""
    deadline = time.monotonic() + UPDATE_SECONDS
    while True:
        function = client.get_function_configuration(FunctionName=name)
        if function["LastUpdateStatus"] == "Successful":
            return
        if function["LastUpdateStatus"] == "Failed" or time.monotonic() > deadline:
            reason = function.get("LastUpdateStatusReason", "no reason given")
            msg = f"function {name} could not be updated: {reason}"
            raise RuntimeError(msg)
        time.sleep(POLL_SECONDS)


def _success(model: Model) -> ProgressEvent[Model]:
    return ProgressEvent(status=OperationStatus.SUCCESS, resource_model=model, custom_context={})
