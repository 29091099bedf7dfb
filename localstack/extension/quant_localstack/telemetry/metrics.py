"""Metrics out of functions' logs, as CloudWatch Logs takes them from its embedded metric format.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
import logging
import queue
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import batched
from typing import Any, NamedTuple

from localstack.aws.connect import connect_to
from localstack.services.lambda_.invocation.logs import LogHandler, LogItem

LOG = logging.getLogger(__name__)

# Metrics of many requests are put together: each costs a transaction of the core's database.
FLUSH_SECONDS = 1.0
MOST_DATA = 1000
MOST_VALUES = 150
MINUTE_MILLIS = 60_000


class Place(NamedTuple):
    """Whose metrics they are."""

    account: str
    region: str


class Series(NamedTuple):
    """What the values of one minute have in common."""

    namespace: str
    name: str
    unit: str
    dimensions: tuple[tuple[str, str], ...]
    minute: int


def values_in(lines: Iterable[str]) -> Iterator[tuple[Series, float]]:
    """Values of all records among log lines; what is none is passed over."""
    for line in lines:
        if '"_aws"' not in line:
            continue
        try:
            record = json.loads(line)
            yield from _values(record)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            LOG.warning("not in the embedded metric format: %s", type(error).__name__)


def _values(record: dict[str, Any]) -> Iterator[tuple[Series, float]]:
    about = record["_aws"]
    minute = int(about["Timestamp"]) // MINUTE_MILLIS * MINUTE_MILLIS
    for directive in about["CloudWatchMetrics"]:
        for names in directive["Dimensions"]:
            dimensions = tuple((name, str(record[name])) for name in names)
            for metric in directive["Metrics"]:
                series = Series(
                    directive["Namespace"],
                    metric["Name"],
                    metric.get("Unit", "None"),
                    dimensions,
                    minute,
                )
                value = record[metric["Name"]]
                for each in value if isinstance(value, list) else [value]:
                    yield series, float(each)


def data_of(values: dict[Series, Counter[float]]) -> dict[str, list[dict[str, Any]]]:
    """Entries of PutMetricData by namespace."""
    data: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for series, counts in values.items():
        for part in batched(counts.items(), MOST_VALUES, strict=False):
            data[series.namespace].append(
                {
                    "MetricName": series.name,
                    "Unit": series.unit,
                    "Dimensions": [{"Name": name, "Value": of} for name, of in series.dimensions],
                    "Timestamp": series.minute / 1000,
                    "Values": [value for value, _ in part],
                    "Counts": [float(count) for _, count in part],
                }
            )
    return data


class Extractor:
    """Takes functions' output and puts the metrics in it, in the background."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[tuple[Place, str]] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="metric-extractor", daemon=True).start()

    def take(self, place: Place, output: str) -> None:
        """Take the output of an invocation."""
        if '"_aws"' in output:
            self._waiting.put((place, output))

    def _run(self) -> None:
        while True:
            values: dict[Place, dict[Series, Counter[float]]] = defaultdict(
                lambda: defaultdict(Counter)
            )
            item: tuple[Place, str] | None = self._waiting.get()
            time.sleep(FLUSH_SECONDS)
            while item is not None:
                place, output = item
                for series, value in values_in(output.splitlines()):
                    values[place][series][value] += 1
                try:
                    item = self._waiting.get_nowait()
                except queue.Empty:
                    item = None
            for place, found in values.items():
                self._put(place, found)

    @staticmethod
    def _put(place: Place, values: dict[Series, Counter[float]]) -> None:
        client = connect_to(aws_access_key_id=place.account, region_name=place.region).cloudwatch
        for namespace, data in data_of(values).items():
            for part in batched(data, MOST_DATA, strict=False):
                try:
                    client.put_metric_data(Namespace=namespace, MetricData=list(part))
                except Exception:
                    LOG.exception("metrics of %s are lost", namespace)


@cache
def extractor() -> Extractor:
    """The extractor of this LocalStack, started on first use."""
    return Extractor()


def patch_logs() -> None:
    """Have metrics extracted from whatever functions log; to be called once."""
    add = LogHandler.add_logs

    def add_and_extract(self: LogHandler, log_item: LogItem) -> None:
        account = self.role_arn.split(":")[4]
        extractor().take(Place(account, self.region), log_item.logs)
        add(self, log_item)

    LogHandler.add_logs = add_and_extract
