"""Requests generated from the merged OpenAPI document."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FUNCTIONS = Path(__file__).resolve().parents[1] / "functions"

# An identifier of nothing, for paths whose identifier is not what a test is about.
NOBODY = "00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True)
class Operation:
    """A method of a path.

    Attributes:
        method: In upper case.
        path: With ``{parameters}``.
        parameters: OpenAPI parameter objects.
        body: Schema of the JSON body, references resolved; ``None`` without one.
    """

    method: str
    path: str
    parameters: tuple[dict[str, Any], ...]
    body: dict[str, Any] | None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def names(self, location: str) -> list[str]:
        """Names of the parameters in ``path`` or ``query``."""
        return [item["name"] for item in self.parameters if item["in"] == location]

    def example(self) -> dict[str, Any] | None:
        """A body made of the examples of its fields."""
        if self.body is None:
            return None
        return {
            name: field.get("examples", [field.get("default")])[0]
            for name, field in self.body["properties"].items()
        }


def operations(document: dict[str, Any]) -> Iterator[Operation]:
    """Every operation of the document."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {})
            schema = content.get("application/json", {}).get("schema")
            yield Operation(
                method.upper(),
                path,
                tuple(operation.get("parameters", ())),
                _resolved(schema, document) if schema else None,
            )


def _resolved(schema: Any, document: dict[str, Any]) -> Any:
    if isinstance(schema, dict):
        if "$ref" in schema:
            node: Any = document
            for part in schema["$ref"].removeprefix("#/").split("/"):
                node = node[part]
            return _resolved(node, document)
        return {name: _resolved(part, document) for name, part in schema.items()}
    if isinstance(schema, list):
        return [_resolved(part, document) for part in schema]
    return schema


def is_text(schema: dict[str, Any]) -> bool:
    """Whether a value of this schema may be a string, whatever its format."""
    kinds = [schema, *schema.get("anyOf", ()), *schema.get("oneOf", ())]
    return any(kind.get("type") == "string" or "enum" in kind for kind in kinds)
