"""Every metric of our own: name, unit, meaning. Functions write them, alarms read them.

CloudWatch bills a metric by name and dimensions, for the hours it is written in: one that a
function never writes costs nothing, and one it always writes 0.30 US dollars a month.
Source: https://aws.amazon.com/cloudwatch/pricing/ (custom metrics, first 10,000, 2026-11)
"""

from dataclasses import dataclass
from typing import Final, Literal

NAMESPACE: Final = "Quant"
# Powertools' name for the function, ``<folder>.<module>``; of a route also its name.
SERVICE: Final = "service"

# Of CloudWatch's units those we use.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
type Unit = Literal["Bytes", "Count", "Milliseconds", "Seconds"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric, with ``SERVICE`` as its only dimension.

    Attributes:
        name: Its name in CloudWatch.
        unit: Unit of its values.
        meaning: What one value says, a phrase.
    """

    name: str
    unit: Unit
    meaning: str


def summed(metric: Metric) -> str:
    """Return an expression of Metrics Insights: the sum of a metric over all functions."""
    return f'SELECT SUM({metric.name}) FROM SCHEMA("{NAMESPACE}", {SERVICE})'  # noqa: S608 - no SQL


# Of requests, in the log line that ends each.
DURATION: Final = Metric(
    "Duration",
    "Milliseconds",
    "time from the event to the finished answer; its sample count is the number of requests",
)
SERVER_ERRORS: Final = Metric("ServerErrors", "Count", "a request answered with a 5xx")
THROTTLED: Final = Metric("Throttled", "Count", "a request that the rate limiter refused")
CACHE_HITS: Final = Metric("CacheHits", "Count", "an answer found in the cache")
CACHE_MISSES: Final = Metric("CacheMisses", "Count", "an answer that the cache did not have")
LIMITER_FALLBACK: Final = Metric(
    "LimiterFallback", "Count", "a decision of the rate limiter made without Valkey"
)
REQUEST_METRICS: Final = (
    DURATION,
    SERVER_ERRORS,
    THROTTLED,
    CACHE_HITS,
    CACHE_MISSES,
    LIMITER_FALLBACK,
)

# Of the pipeline.
COLLECTION_COMPLETED: Final = Metric("CollectionCompleted", "Count", "a run that ended well")
COLLECTION_REFUSED: Final = Metric("CollectionRefused", "Count", "a run that its source refused")
COLLECTION_THROTTLED: Final = Metric(
    "CollectionThrottled", "Count", "a run that its source asked to come back later"
)
COLLECTION_LAYOUT_CHANGED: Final = Metric(
    "CollectionLayoutChanged", "Count", "a run that did not understand its source"
)
COLLECTION_UNREACHABLE: Final = Metric(
    "CollectionUnreachable", "Count", "a run that did not reach its source"
)
LAYOUT_UNKNOWN: Final = Metric("LayoutUnknown", "Count", "a document of no known layout")
LATEST_DISCLOSURE_AGE: Final = Metric(
    "LatestDisclosureAge", "Seconds", "age of the newest disclosed trade"
)
SOURCES_STALE: Final = Metric("SourcesStale", "Count", "sources without a recent good run")
OUTBOX_AGE: Final = Metric("OutboxAge", "Seconds", "age of the oldest message not yet sent")
OUTBOX_WAITING: Final = Metric("OutboxWaiting", "Count", "messages not yet sent")
FILINGS_TO_FETCH: Final = Metric("FilingsToFetch", "Count", "filings known but not fetched")
DOCUMENTS_REJECTED: Final = Metric("DocumentsRejected", "Count", "documents that were rejected")
PIPELINE_METRICS: Final = (
    COLLECTION_COMPLETED,
    COLLECTION_REFUSED,
    COLLECTION_THROTTLED,
    COLLECTION_LAYOUT_CHANGED,
    COLLECTION_UNREACHABLE,
    LAYOUT_UNKNOWN,
    LATEST_DISCLOSURE_AGE,
    SOURCES_STALE,
    OUTBOX_AGE,
    OUTBOX_WAITING,
    FILINGS_TO_FETCH,
    DOCUMENTS_REJECTED,
)

# Of the restore drill.
RESTORE_SECONDS: Final = Metric(
    "RestoreSeconds", "Seconds", "time to load a backup into an empty server"
)
BACKUP_AGE: Final = Metric(
    "BackupAge", "Seconds", "age of a backup's snapshot when it was restored and kept"
)
BACKUP_BYTES: Final = Metric("BackupBytes", "Bytes", "size of a backup's files")
BACKUP_METRICS: Final = (RESTORE_SECONDS, BACKUP_AGE, BACKUP_BYTES)
