"""The queue of exports that take longer than a request may."""

import uuid

from pydantic import BaseModel, ConfigDict

from quant import sqs
from quant.settings import ExportSettings


class ExportMessage(BaseModel):
    """A job that waits for its turn; may arrive more than once."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    job_id: uuid.UUID


def send(job_id: uuid.UUID) -> None:
    """Queue a job.

    Raises:
        StoreUnavailableError: The queue did not take it.
    """
    sqs.send(ExportSettings().exports_queue_url, [ExportMessage(job_id=job_id).model_dump_json()])


def postpone(receipt_handle: str, seconds: float) -> None:
    """Have the queue deliver a message again only after a while.

    Raises:
        StoreUnavailableError: The queue cannot be reached.
    """
    sqs.postpone(ExportSettings().exports_queue_url, receipt_handle, seconds)
