"""Records of CloudWatch's embedded metric format, for a line that is logged anyway.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import time
from collections.abc import Mapping
from typing import Any

from quant.observability.catalogue import NAMESPACE, SERVICE, Metric


def record(values: Mapping[Metric, float]) -> dict[str, Any]:
    """Return the fields that make a JSON log line a record of these metrics.

    The line needs the field ``service`` besides, which Powertools' logger gives every line.

    Args:
        values: Values by metric, each in the metric's unit.
    """
    return {
        "_aws": {
            "Timestamp": time.time_ns() // 1_000_000,
            "CloudWatchMetrics": [
                {
                    "Namespace": NAMESPACE,
                    "Dimensions": [[SERVICE]],
                    "Metrics": [{"Name": metric.name, "Unit": metric.unit} for metric in values],
                }
            ],
        },
        **{metric.name: value for metric, value in values.items()},
    }
