"""The queues between the pipeline's functions, by the names that infrastructure and commands use.

Standard library only, so that CDK can import it.
"""

from enum import StrEnum


class Queue(StrEnum):
    """A queue of the pipeline; whatever fails too often in it is set aside in a second one."""

    PARSE = "parse"  # raw documents that arrived in S3
    FETCH = "fetch"  # filings to be fetched from their official system
    REPORTS = "reports"  # what functions without a database have to tell it
    ALERTS = "alerts"  # disclosed trades, for the watchlists
    DELIVERIES = "deliveries"  # webhooks to be posted
    EXPORTS = "exports"  # exports that take longer than a request may

    @property
    def set_aside(self) -> str:
        """Name of the queue of what nobody could process."""
        return f"{self.value}-set-aside"
