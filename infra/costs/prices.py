"""List prices of us-east-1 in US dollars, without free tiers, credits and taxes.

Written down by hand from the pages named, as they were in June 2026. AWS lowers and splits prices:
confirm with https://calculator.aws before a decision hangs on one.
"""

from dataclasses import dataclass
from typing import Final

AS_OF: Final = "June 2026"
HOURS: Final = 730  # of a month, as AWS counts it
SECONDS: Final = HOURS * 3600


@dataclass(frozen=True, slots=True)
class Price:
    """What AWS asks for one unit.

    Attributes:
        dollars: For one unit.
        unit: What is counted.
        page: Where AWS says so.
    """

    dollars: float
    unit: str
    page: str


_AWS: Final = "https://aws.amazon.com"
_API: Final = f"{_AWS}/api-gateway/pricing/"
_WATCH: Final = f"{_AWS}/cloudwatch/pricing/"
_EC2: Final = f"{_AWS}/ec2/pricing/on-demand/"
_LAMBDA: Final = f"{_AWS}/lambda/pricing/"
_RDS: Final = f"{_AWS}/rds/postgresql/pricing/"
_S3: Final = f"{_AWS}/s3/pricing/"
_SECRETS: Final = f"{_AWS}/secrets-manager/pricing/"
_VALKEY: Final = f"{_AWS}/elasticache/pricing/"
_WAF: Final = f"{_AWS}/waf/pricing/"

PRICES: Final = {
    "alarm metric": Price(0.10, "metric of an alarm, month", _WATCH),
    "composite alarm": Price(0.50, "alarm, month", _WATCH),
    "dashboard": Price(3.00, "dashboard, month", _WATCH),
    "custom metric": Price(0.30, "metric, month", _WATCH),
    "logs taken in": Price(0.50, "GB", _WATCH),
    "logs kept": Price(0.03, "GB, month", _WATCH),
    "traces": Price(5.00 / 1e6, "trace", f"{_AWS}/xray/pricing/"),
    "REST API": Price(3.50 / 1e6, "request", _API),
    "web ACL": Price(5.00, "ACL, month", _WAF),
    "web ACL rule": Price(1.00, "rule, month", _WAF),
    "web ACL requests": Price(0.60 / 1e6, "request", _WAF),
    "Lambda compute": Price(0.0000133334, "GB-s, arm64", _LAMBDA),
    "Lambda requests": Price(0.20 / 1e6, "invocation", _LAMBDA),
    "SnapStart cache": Price(0.0000015046, "GB-s", _LAMBDA),
    "SnapStart restore": Price(0.0001397998, "GB", _LAMBDA),
    "db.t4g.small": Price(0.032, "hour", _RDS),
    "db.t4g.medium": Price(0.065, "hour", _RDS),
    "db.t4g.small, two zones": Price(0.065, "hour", _RDS),
    "db.t4g.medium, two zones": Price(0.129, "hour", _RDS),
    "database storage": Price(0.115, "GB gp3, month", _RDS),
    "database storage, two zones": Price(0.23, "GB gp3, month", _RDS),
    "database backup": Price(0.095, "GB, month", f"{_AWS}/backup/pricing/"),
    "database proxy": Price(0.015, "vCPU of the database, hour", f"{_AWS}/rds/proxy/pricing/"),
    "cache storage": Price(0.084, "GB, hour", _VALKEY),
    "cache units": Price(0.0023 / 1e6, "ECPU", _VALKEY),
    "interface endpoint": Price(0.01, "zone, hour", f"{_AWS}/privatelink/pricing/"),
    "secret": Price(0.40, "secret, month", _SECRETS),
    "secret read": Price(0.05 / 1e4, "call", _SECRETS),
    "key": Price(1.00, "key, month", f"{_AWS}/kms/pricing/"),
    "queue requests": Price(0.40 / 1e6, "request", f"{_AWS}/sqs/pricing/"),
    "transitions": Price(0.025 / 1e3, "transition", f"{_AWS}/step-functions/pricing/"),
    "container vCPU": Price(0.03238, "vCPU, hour, arm64", f"{_AWS}/fargate/pricing/"),
    "container memory": Price(0.00356, "GB, hour, arm64", f"{_AWS}/fargate/pricing/"),
    "private zone": Price(0.50, "zone, month", f"{_AWS}/route53/pricing/"),
    "discovered instance": Price(0.10, "instance, month", f"{_AWS}/cloud-map/pricing/"),
    "object storage": Price(0.023, "GB, month", _S3),
    "transfer to the internet": Price(0.09, "GB", _EC2),
}
