"""Prometheus' text format, version 0.0.4.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

type Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sample:
    """A value of a family.

    Attributes:
        value: The value.
        labels: Its labels.
        suffix: What its name has after the family's, for the parts of a histogram.
    """

    value: float
    labels: Labels
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class Family:
    """A metric with all its samples.

    Attributes:
        name: Its name.
        kind: Its type.
        help: What it says, a sentence.
        samples: Its samples; those of one series of a histogram follow one another.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    samples: tuple[Sample, ...] = ()


def histogram(
    labels: Labels, buckets: Iterable[tuple[float, float]], total: float
) -> Iterator[Sample]:
    """Yield the samples of one series of a histogram.

    Args:
        labels: Its labels.
        buckets: Upper bound, inclusive, and number of values in each bucket, not in those below;
            in ascending order, the last bound infinite.
        total: Sum of all values.
    """
    count = 0.0
    for bound, number in buckets:
        count += number
        yield Sample(count, {**labels, "le": _number(bound)}, "_bucket")
    yield Sample(total, labels, "_sum")
    yield Sample(count, labels, "_count")


def render(families: Iterable[Family]) -> str:
    """Return the text of families; one without samples is left out."""
    return "".join(_lines(family) for family in families if family.samples)


def _lines(family: Family) -> str:
    text = family.help.replace("\\", r"\\").replace("\n", r"\n")
    lines = [f"# HELP {family.name} {text}", f"# TYPE {family.name} {family.kind}"]
    for sample in family.samples:
        labels = ",".join(f'{name}="{_escaped(value)}"' for name, value in sample.labels.items())
        braces = f"{{{labels}}}" if labels else ""
        lines.append(f"{family.name}{sample.suffix}{braces} {_number(sample.value)}")
    return "\n".join(lines) + "\n"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _number(value: float) -> str:
    if value == float("inf"):
        return "+Inf"
    return str(int(value)) if value == int(value) else repr(value)
