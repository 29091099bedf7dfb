"""What the resources of synthesised templates refer to, in whichever stack it is."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

Template = dict[str, Any]

# Properties that name a resource physically; what refers to it may write the name down (ADR 0019).
_NAMES = (
    "DBInstanceIdentifier",
    "EventBusName",
    "FunctionName",
    "QueueName",
    "StateMachineName",
    "TopicName",
)


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A resource by its stack and logical id."""

    stack: str
    name: str


class References:
    """The resources of an environment's stacks, and what refers to what.

    Args:
        templates: Templates by the name of their stack.
        prefix: What physical names begin with, such as ``quant-prod-``.
    """

    def __init__(self, templates: Mapping[str, Template], prefix: str):
        self._templates = templates
        self._name = re.compile(rf"(?<![\w-]){re.escape(prefix)}[\w-]+")

    @cached_property
    def resources(self) -> dict[Place, dict[str, Any]]:
        """Every resource by its place."""
        return {
            Place(stack, name): resource
            for stack, template in self._templates.items()
            for name, resource in template["Resources"].items()
        }

    def of_type(self, *kinds: str) -> Iterator[tuple[Place, dict[str, Any]]]:
        """Yield places and properties of the resources of types."""
        for place, resource in self.resources.items():
            if resource["Type"] in kinds:
                yield place, resource.get("Properties", {})

    def kind(self, place: Place) -> str:
        """Return the type of a resource."""
        return str(self.resources[place]["Type"])

    def properties(self, place: Place) -> dict[str, Any]:
        """Return the properties of a resource."""
        return dict(self.resources[place].get("Properties", {}))

    def targets(self, stack: str, value: Any) -> set[Place]:
        """Return the resources that a value in a template of ``stack`` refers to."""
        found: set[Place] = set()
        match value:
            case str():
                names = self._name.findall(value)
                found = {self._named[name] for name in names if name in self._named}
            case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]}:
                found = self._at(stack, name)
            case {"Fn::ImportValue": str(name)}:
                found = self._exports.get(name, found)
            case dict():
                found = self._all(stack, value.values())
            case list():
                found = self._all(stack, value)
        return found

    def _all(self, stack: str, values: Any) -> set[Place]:
        return set().union(*(self.targets(stack, value) for value in values))

    def _at(self, stack: str, name: str) -> set[Place]:
        place = Place(stack, name)
        return {place} if place in self.resources else set()

    @cached_property
    def _exports(self) -> dict[str, set[Place]]:
        return {
            output["Export"]["Name"]: self.targets(stack, output["Value"])
            for stack, template in self._templates.items()
            for output in template.get("Outputs", {}).values()
            if "Export" in output
        }

    @cached_property
    def _named(self) -> dict[str, Place]:
        return {
            properties[key]: place
            for place in self.resources
            for properties in [self.properties(place)]
            for key in _NAMES
            if isinstance(properties.get(key), str)
        }
