"""Deployed functions that no route leads to, and the queues that feed them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from e2e_support import Platform

PREFIX = "quant-local-"


@dataclass
class Deployed:
    """What is deployed as its operator sees it."""

    platform: Platform

    def invoke(self, name: str, event: dict[str, Any] | None = None) -> Any:
        answer = self.platform.aws("lambda").invoke(
            FunctionName=f"{PREFIX}{name}", Qualifier="live", Payload=json.dumps(event or {})
        )
        payload = json.loads(answer["Payload"].read() or b"null")
        assert "FunctionError" not in answer, payload
        return payload

    def status(self) -> dict[str, Any]:
        done = self.platform.operator("pipeline", "status", "--json")
        assert done.returncode == 0, done.stderr
        status: dict[str, Any] = json.loads(done.stdout)
        return status

    def set_aside(self, queue: str) -> int:
        return int(self.status()["queues"][queue]["set_aside"])

    @contextmanager
    def impatient(self, queue: str) -> Iterator[None]:
        """Set messages of a queue aside after one failure while the block runs."""
        sqs = self.platform.aws("sqs")
        url = sqs.get_queue_url(QueueName=f"{PREFIX}{queue}")["QueueUrl"]
        names = ["VisibilityTimeout", "RedrivePolicy"]
        before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        redrive = {**json.loads(before["RedrivePolicy"]), "maxReceiveCount": 1}
        changed = {"VisibilityTimeout": "2", "RedrivePolicy": json.dumps(redrive)}
        sqs.set_queue_attributes(QueueUrl=url, Attributes=changed)
        try:
            yield
        finally:
            sqs.set_queue_attributes(QueueUrl=url, Attributes=before)

    @contextmanager
    def set_for(self, name: str, **variables: str) -> Iterator[None]:
        """Have a function's ``live`` version run with other variables while the block runs."""
        client = self.platform.aws("lambda")
        function = f"{PREFIX}{name}"
        before = client.get_function_configuration(FunctionName=function)["Environment"]
        version = client.get_alias(FunctionName=function, Name="live")["FunctionVersion"]

        def configure(environment: dict[str, Any]) -> None:
            client.update_function_configuration(FunctionName=function, Environment=environment)
            client.get_waiter("function_updated_v2").wait(FunctionName=function)

        configure({"Variables": {**before["Variables"], **variables}})
        changed = client.publish_version(FunctionName=function)["Version"]
        client.get_waiter("published_version_active").wait(FunctionName=function, Qualifier=changed)
        client.update_alias(FunctionName=function, Name="live", FunctionVersion=changed)
        try:
            yield
        finally:
            client.update_alias(FunctionName=function, Name="live", FunctionVersion=version)
            configure(before)
            client.delete_function(FunctionName=function, Qualifier=changed)
