"""What an operator does to a deployed pipeline: look at it, redrive, replay, backfill.

Sources: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/ (message moves),
https://docs.aws.amazon.com/step-functions/latest/apireference/ (map runs).
"""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import batched
from typing import Any, Final

from quant.errors import ConflictError, NotFoundError
from quant.pipeline.queues import Queue
from quant.pipeline.raw import PREFIX, DocumentKind, parse_key

_KEYS_A_MESSAGE: Final = 10
_MESSAGES_A_BATCH: Final = 10
_POLL_S: Final = 1.0
_ENDED_MOVES: Final = frozenset({"COMPLETED", "CANCELLED", "FAILED"})


@dataclass(frozen=True)
class Depth:
    """Roughly how many messages a queue has.

    Attributes:
        waiting: To be delivered, or put off.
        in_flight: Delivered and not yet done with.
        set_aside: Failed too often.
    """

    waiting: int
    in_flight: int
    set_aside: int


@dataclass(frozen=True)
class Progress:
    """How far something is that goes on elsewhere.

    Attributes:
        done: Messages moved, documents processed.
        failed: Documents that failed in the end.
        total: Of how many, as far as known.
        status: The service's own word for it.
        running: Whether it goes on.
    """

    done: int
    failed: int
    total: int
    status: str
    running: bool


class Operations:
    """The deployed pipeline of one environment.

    Args:
        environment: ``local``, ``dev`` or ``prod``.
        client: Returns the client of an AWS service; boto3's own by default.
        wait: Waits between two looks at what goes on elsewhere, seconds.
    """

    def __init__(
        self,
        environment: str,
        client: Callable[[str], Any] | None = None,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._prefix = f"quant-{environment}-"
        self._make_client = client
        self._wait = wait

    def depths(self) -> dict[Queue, Depth]:
        """Return how many messages each queue has."""
        found = {}
        for queue in Queue:
            counts = self._counts(queue)
            aside, _ = self._counts(queue.set_aside)
            found[queue] = Depth(*counts, aside)
        return found

    def redrive(self, queue: Queue) -> Iterator[Progress]:
        """Move what was set aside back to its queue; yields how far it is until it ends.

        Raises:
            ConflictError: It is being moved already.
        """
        attributes = self._sqs.get_queue_attributes(
            QueueUrl=self._url(queue.set_aside), AttributeNames=["QueueArn"]
        )
        arn = attributes["Attributes"]["QueueArn"]
        if any(progress.running for progress in self._moves(arn)):
            msg = f"{queue.set_aside} is being moved already"
            raise ConflictError(msg)
        self._sqs.start_message_move_task(SourceArn=arn)
        while True:
            progress = self._moves(arn)[0]
            yield progress
            if not progress.running:
                return
            self._wait(_POLL_S)

    def keys(
        self,
        bucket: str,
        kind: DocumentKind | None = None,
        since: date | None = None,
        until: date | None = None,
    ) -> Iterator[str]:
        """Yield the keys of raw documents.

        Args:
            bucket: Where they are.
            kind: Of this kind alone.
            since: First day they may have been collected on.
            until: Last day they may have been collected on.
        """
        pages = self._client("s3").get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=bucket, Prefix=prefix_of(kind)):
            for item in page.get("Contents", ()):
                _, day, _ = parse_key(item["Key"])
                if (since is None or day >= since) and (until is None or day <= until):
                    yield item["Key"]

    def replay(self, keys: Iterator[str]) -> Iterator[int]:
        """Queue documents to be parsed again; yields how many were queued each time."""
        url = self._url(Queue.PARSE)
        for part in batched(keys, _KEYS_A_MESSAGE * _MESSAGES_A_BATCH):
            entries = [
                {
                    "Id": str(number),
                    "MessageBody": json.dumps({"Items": [{"Key": key} for key in some]}),
                }
                for number, some in enumerate(batched(part, _KEYS_A_MESSAGE))
            ]
            answer = self._sqs.send_message_batch(QueueUrl=url, Entries=entries)
            if answer.get("Failed"):
                msg = f"the queue refused {len(answer['Failed'])} messages"
                raise ConflictError(msg)
            yield len(part)

    def start_backfill(self, prefix: str, tolerated_failure_percentage: float) -> str:
        """Have everything below a prefix parsed again; return the ARN of the execution."""
        answer = self._states.start_execution(
            stateMachineArn=self._machine,
            name=f"backfill-{uuid.uuid4()}",
            input=json.dumps(
                {
                    "prefix": prefix,
                    "tolerated_failure_percentage": tolerated_failure_percentage,
                }
            ),
        )
        arn: str = answer["executionArn"]
        return arn

    def running_backfills(self) -> list[str]:
        """Return the ARNs of the executions that go on."""
        answer = self._states.list_executions(stateMachineArn=self._machine, statusFilter="RUNNING")
        return [execution["executionArn"] for execution in answer["executions"]]

    def backfill_progress(self, execution: str) -> Progress:
        """Return how far a backfill is."""
        status = self._states.describe_execution(executionArn=execution)["status"]
        runs = self._states.list_map_runs(executionArn=execution)["mapRuns"]
        done = failed = total = 0
        if runs:
            run = self._states.describe_map_run(mapRunArn=runs[0]["mapRunArn"])
            counts = run["itemCounts"]
            done, total = counts["succeeded"], counts["total"]
            failed = counts["failed"] + counts["timedOut"] + counts["aborted"]
        return Progress(done, failed, total, status, running=status == "RUNNING")

    def follow_backfill(self, execution: str) -> Iterator[Progress]:
        """Yield how far a backfill is until it ends."""
        while True:
            progress = self.backfill_progress(execution)
            yield progress
            if not progress.running:
                return
            self._wait(_POLL_S)

    @cached_property
    def _sqs(self) -> Any:
        return self._client("sqs")

    @cached_property
    def _states(self) -> Any:
        return self._client("stepfunctions")

    @cached_property
    def _machine(self) -> str:
        name = f"{self._prefix}backfill"
        for page in self._states.get_paginator("list_state_machines").paginate():
            for machine in page["stateMachines"]:
                if machine["name"] == name:
                    return str(machine["stateMachineArn"])
        msg = f"there is no state machine {name}"
        raise NotFoundError(msg)

    def _client(self, service: str) -> Any:
        if self._make_client is not None:
            return self._make_client(service)
        import boto3  # noqa: PLC0415 - slow, and not for commands that ask nobody

        return boto3.client(service)

    def _url(self, name: str) -> str:
        try:
            answer = self._sqs.get_queue_url(QueueName=f"{self._prefix}{name}")
        except self._sqs.exceptions.QueueDoesNotExist as error:
            msg = f"there is no queue {self._prefix}{name}"
            raise NotFoundError(msg) from error
        return str(answer["QueueUrl"])

    def _counts(self, name: str) -> tuple[int, int]:
        """Return how many messages wait and how many are in flight."""
        prefix = "ApproximateNumberOfMessages"
        names = [prefix, f"{prefix}Delayed", f"{prefix}NotVisible"]
        found = self._sqs.get_queue_attributes(QueueUrl=self._url(name), AttributeNames=names)
        waiting, delayed, in_flight = (int(found["Attributes"][name]) for name in names)
        return waiting + delayed, in_flight

    def _moves(self, arn: str) -> list[Progress]:
        """Return the moves of a queue's messages, the newest first."""
        results = self._sqs.list_message_move_tasks(SourceArn=arn, MaxResults=1)["Results"]
        return [
            Progress(
                done=move.get("ApproximateNumberOfMessagesMoved", 0),
                failed=0,
                total=move.get("ApproximateNumberOfMessagesToMove", 0),
                status=move["Status"],
                running=move["Status"] not in _ENDED_MOVES,
            )
            for move in results
        ]


def prefix_of(kind: DocumentKind | None) -> str:
    """Return the prefix of the keys of a kind of raw documents, or of all."""
    return f"{PREFIX}{kind}/" if kind else PREFIX
