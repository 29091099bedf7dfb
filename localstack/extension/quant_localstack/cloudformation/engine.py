"""The CloudFormation engine with updates in place, and with a rollback.

The core's engine decides from the template alone whether a resource has to be replaced, and takes a
reference to a resource that changes for a reference that changes: a new handler would replace the
function's alias, a new setting of the API its stage. When a resource fails it keeps what it has
changed, deletes what the new template lacks, and takes the new template for the deployed one. It
also reports success for every UpdateStack.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-update-behaviors.html
"""

import copy
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, override

from localstack.aws.api import RequestContext, handler
from localstack.aws.api.cloudformation import (
    AlreadyExistsException,
    ChangeAction,
    ChangeSetStatus,
    ChangeSetType,
    CreateStackInput,
    CreateStackOutput,
    StackStatus,
    UpdateStackInput,
    UpdateStackOutput,
)
from localstack.services.cloudformation.engine.v2.change_set_model import is_nothing
from localstack.services.cloudformation.engine.v2.change_set_model_executor import (
    ChangeSetModelExecutor,
    ChangeSetModelExecutorResult,
    EventOperationFromAction,
    TriggerRollback,
)
from localstack.services.cloudformation.engine.v2.change_set_model_preproc import (
    PreprocProperties,
    PreprocResource,
)
from localstack.services.cloudformation.engine.validations import ValidationError
from localstack.services.cloudformation.resource_provider import (
    OperationStatus,
    ProgressEvent,
    ResourceProvider,
    ResourceProviderExecutor,
    ResourceProviderPayload,
    convert_payload,
)
from localstack.services.cloudformation.v2 import provider as cloudformation
from localstack.services.cloudformation.v2.entities import ChangeSet, Stack
from localstack.utils.strings import short_uid

LOG = logging.getLogger(__name__)

POLL_SECONDS = 0.02
# How long a request may take from finding out what to call until it is counted as being served.
DISPATCH_SECONDS = 0.25
# Says that an update failed before it did anything.
UNTOUCHED = "untouched"

Properties = dict[str, Any]

_provider = cloudformation.CloudformationProviderV2


def patch_engine() -> None:
    """Have the service use this engine; to be called before the service is loaded."""
    cloudformation.ChangeSetModelExecutor = Executor
    _provider.create_stack = create_stack
    _provider.update_stack = update_stack


@dataclass(frozen=True)
class Change:
    """Something done to a resource that a rollback has to undo.

    Attributes:
        action: what was done.
        name: logical id of the resource.
        type: its type.
        before: its deployed properties, none of a new resource.
        after: its properties since.
    """

    action: ChangeAction
    name: str
    type: str
    before: Properties
    after: Properties


class Providers(ResourceProviderExecutor):
    """Calls resource providers, and asks often rather than every second whether they are done."""

    @override
    def deploy_loop(
        self,
        resource_provider: ResourceProvider[Any],
        resource: Properties,
        raw_payload: ResourceProviderPayload,
        *args: Any,
        **kwargs: Any,
    ) -> ProgressEvent[Any]:
        kwargs.setdefault("sleep_time", POLL_SECONDS)
        return super().deploy_loop(resource_provider, resource, raw_payload, *args, **kwargs)

    @override
    def execute_action(
        self, resource_provider: ResourceProvider[Any], raw_payload: ResourceProviderPayload
    ) -> ProgressEvent[Any]:
        """Do as the core does, but let a failed update fail, and one that cannot be made."""
        if raw_payload["action"] != "Modify":
            return super().execute_action(resource_provider, raw_payload)
        request = convert_payload(self.stack_name, self.stack_id, raw_payload)
        before, after = request.previous_state or {}, request.desired_state
        try:
            return resource_provider.update(request)
        except NotImplementedError:
            if differing_properties(raw_payload["requestData"]) == {"Tags"}:
                return ProgressEvent(OperationStatus.SUCCESS, resource_model={**before, **after})
            return ProgressEvent(
                OperationStatus.FAILED,
                resource_model={},
                message=f"LocalStack cannot change {request.resource_type} in place",
                custom_context={UNTOUCHED: True},
            )


def differing_properties(request_data: Mapping[str, Any]) -> set[str]:
    """Names of the properties a template sets to another value than the resource has."""
    before = request_data["previousResourceProperties"]
    after = request_data["resourceProperties"]
    return {name for name, value in after.items() if before.get(name) != value}


class Executor(ChangeSetModelExecutor):
    """Carries out a change set, or else leaves everything as it was."""

    def __init__(self, change_set: ChangeSet) -> None:
        super().__init__(change_set)
        self._done: list[Change] = []
        self._states: Properties = {}
        self._rolling_back = False
        stack = change_set.stack
        self._deleting = stack.status == StackStatus.DELETE_IN_PROGRESS
        self.resource_provider_executor = Providers(
            stack_name=stack.stack_name, stack_id=stack.stack_id
        )

    @override
    def execute(self) -> ChangeSetModelExecutorResult:
        if self._deleting:
            return super().execute()
        self._states = dict(self._change_set.stack.resource_states)
        try:
            self.process()
        except TriggerRollback as failure:
            return self._roll_back(failure.reason or "no reason given")
        except Exception as error:
            LOG.debug("change set failed", exc_info=True)
            return self._roll_back(str(error) or type(error).__name__)
        self._clean_up()
        # The core makes them the stack's only after it has called the stack complete.
        stack = self._change_set.stack
        stack.resolved_outputs = self.outputs
        stack.resolved_exports = {
            output["ExportName"]: output["OutputValue"]
            for output in self.outputs
            if output.get("ExportName")
        }
        return ChangeSetModelExecutorResult(resources=self.resources, outputs=self.outputs)

    def _clean_up(self) -> None:
        """Delete what is no longer in use; as at AWS, a failure leaves a resource behind."""
        if not self._deferred_actions:
            return
        self._change_set.stack.set_stack_status(StackStatus.UPDATE_COMPLETE_CLEANUP_IN_PROGRESS)
        time.sleep(DISPATCH_SECONDS)
        for deferred in reversed(self._deferred_actions):
            try:
                deferred.action()
            except Exception:
                LOG.exception("%s failed", deferred.name)

    def _roll_back(self, reason: str) -> ChangeSetModelExecutorResult:
        change_set = self._change_set
        stack = change_set.stack
        updating = change_set.change_set_type == ChangeSetType.UPDATE
        prefix = "UPDATE_ROLLBACK" if updating else "ROLLBACK"
        stack.set_stack_status(StackStatus(f"{prefix}_IN_PROGRESS"), reason)
        self._rolling_back = True
        failed = [change.name for change in reversed(self._done) if not self._undo(change)]
        if updating:
            stack.resource_states = self._states
            # The caller makes these the stack's.
            change_set.template = stack.template
            change_set.template_body = stack.template_body
            change_set.processed_template = stack.processed_template
            change_set.resolved_parameters = stack.resolved_parameters
        else:
            change_set.template = change_set.processed_template = {"Resources": {}}
        stack.set_stack_status(
            StackStatus(f"{prefix}_{'FAILED' if failed else 'COMPLETE'}"),
            f"could not be rolled back: {', '.join(failed)}" if failed else None,
        )
        return ChangeSetModelExecutorResult(
            resources=stack.resolved_resources if updating else {},
            outputs=stack.resolved_outputs if updating else [],
            failure_message=reason,
        )

    def _undo(self, change: Change) -> bool:
        """Undo a change; tells whether that succeeded."""
        LOG.debug("undoing %s of %s", change.action, change.name)
        undo = ChangeAction.Remove if change.action == ChangeAction.Add else ChangeAction.Modify
        about: dict[str, Any] = {
            "action": undo,
            "logical_resource_id": change.name,
            "resource_type": change.type,
        }
        self._process_event(**about, event_status=OperationStatus.IN_PROGRESS)
        event = self._execute_resource_action(
            **about,
            before_properties=PreprocProperties(change.after),
            after_properties=None
            if undo == ChangeAction.Remove
            else PreprocProperties(change.before),
            part_of_replacement=True,
        )
        self._process_event(**about, event_status=event.status, reason=event.message)
        return bool(event.status == OperationStatus.SUCCESS)

    @override
    def _execute_resource_change(
        self, name: str, before: PreprocResource | None, after: PreprocResource | None
    ) -> None:
        if not is_nothing(before) and not is_nothing(after) and before and after:
            after.requires_replacement = self._must_replace(before, after)
        super()._execute_resource_change(name, before, after)

    def _must_replace(self, before: PreprocResource, after: PreprocResource) -> bool:
        """Tell whether a property that is set only once has another value than it had."""
        provider = self.resource_provider_executor.try_load_resource_provider(after.resource_type)
        paths = provider.SCHEMA.get("createOnlyProperties", []) if provider else []
        return any(
            value_at(path, before.properties.properties)
            != value_at(path, after.properties.properties)
            for path in paths
        )

    @override
    def _execute_resource_action(
        self,
        action: ChangeAction,
        logical_resource_id: str,
        resource_type: str,
        before_properties: PreprocProperties | None,
        after_properties: PreprocProperties | None,
        part_of_replacement: bool = False,
    ) -> ProgressEvent[Any]:
        before = copy.deepcopy(before_properties.properties) if before_properties else {}
        wanted = copy.deepcopy(after_properties.properties) if after_properties else {}
        known = self.resources.get(logical_resource_id)
        event = super()._execute_resource_action(
            action,
            logical_resource_id,
            resource_type,
            before_properties,
            after_properties,
            part_of_replacement,
        )
        if self._rolling_back:
            # What a rollback does is no part of the result.
            if known is not None:
                self.resources[logical_resource_id] = known
        elif action == ChangeAction.Remove:
            if not part_of_replacement:
                self.resources.pop(logical_resource_id, None)
        else:
            after = copy.deepcopy(event.resource_model or {})
            if event.status != OperationStatus.SUCCESS and action == ChangeAction.Modify:
                # It may have come halfway.
                untouched = (event.custom_context or {}).get(UNTOUCHED)
                after = {} if untouched else {**before, **wanted}
            if after:
                change = Change(action, logical_resource_id, resource_type, before, after)
                self._done.append(change)
        return event

    @override
    def _process_event(
        self,
        *,
        action: ChangeAction,
        logical_resource_id: str,
        event_status: OperationStatus,
        custom_status: str | None = None,
        **others: Any,
    ) -> None:
        """Note an event of a resource, which is none of the stack's and deletes no successor."""
        if not self._deleting and event_status == OperationStatus.FAILED:
            operation = others.get("special_action") or EventOperationFromAction[action.value]
            custom_status = custom_status or f"{operation}_FAILED"
            event_status = OperationStatus.IN_PROGRESS
        states = self._change_set.stack.resource_states
        successor = None
        if action == ChangeAction.Remove and logical_resource_id in self.resources:
            successor = states.get(logical_resource_id)
        super()._process_event(
            action=action,
            logical_resource_id=logical_resource_id,
            event_status=event_status,
            custom_status=custom_status,
            **others,
        )
        if successor and not self._deleting and not self._rolling_back:
            states[logical_resource_id] = successor


def value_at(pointer: str, properties: Mapping[str, Any]) -> Any:
    """Value at a path of a resource schema such as ``/properties/Content``, None without one."""
    value: Any = properties
    for part in pointer.removeprefix("/properties/").split("/"):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


@handler("CreateStack", expand=False)
def create_stack(
    self: Any, context: RequestContext, request: CreateStackInput
) -> CreateStackOutput:
    """Create a stack by way of a change set, whose execution knows failures and rollbacks."""
    name = request.get("StackName")
    stack = _find(context, name)
    if stack and stack.status != StackStatus.REVIEW_IN_PROGRESS:
        raise AlreadyExistsException(f"Stack [{name}] already exists")
    return CreateStackOutput(StackId=_execute(self, context, request, ChangeSetType.CREATE))


@handler("UpdateStack", expand=False)
def update_stack(
    self: Any, context: RequestContext, request: UpdateStackInput
) -> UpdateStackOutput:
    """Update a stack by way of a change set, whose execution knows failures and rollbacks."""
    stack = _find(context, request.get("StackName"))
    tags = request.get("Tags") or (stack.tags if stack else [])
    wanted = {**request, "Tags": tags}
    return UpdateStackOutput(StackId=_execute(self, context, wanted, ChangeSetType.UPDATE))


def _find(context: RequestContext, name: str | None) -> Stack | None:
    store = cloudformation.get_cloudformation_store(context.account_id, context.region)
    return cloudformation.find_stack_v2(store, name) if name else None


def _execute(
    provider: Any, context: RequestContext, request: Mapping[str, Any], kind: ChangeSetType
) -> str:
    named = {**request, "ChangeSetName": f"direct-{short_uid()}", "ChangeSetType": kind}
    made = provider.create_change_set(context, named)
    store = cloudformation.get_cloudformation_store(context.account_id, context.region)
    change_set = store.change_sets[made["Id"]]
    if change_set.status == ChangeSetStatus.FAILED:
        reason = str(change_set.status_reason or "the template is invalid")
        unchanged = "didn't contain changes" in reason
        raise ValidationError("No updates are to be performed." if unchanged else reason)
    provider.execute_change_set(context, change_set_name=made["Id"])
    return str(made["StackId"])
