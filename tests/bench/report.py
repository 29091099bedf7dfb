"""What a benchmark hands back, and how it is written down."""

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Sample:
    """Repeated measurements of one quantity."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def __str__(self) -> str:
        """The median, and the smallest and greatest value."""
        return f"{short(self.median)} ({short(min(self.values))} to {short(max(self.values))})"

    def ratio(self, to: "Sample") -> str:
        """This median as a multiple of another."""
        return f"{self.median / to.median:.2f}"


def sample(values: Sequence[float]) -> Sample:
    return Sample(tuple(values))


def short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


@dataclass(frozen=True)
class Report:
    """One benchmark's result.

    Attributes:
        title: heading of its section.
        method: what was measured and how, in Markdown.
        columns: heads of the table.
        rows: its cells, as text.
        versions: of the software that matters.
        measurements: every value measured, by name.
        remarks: Markdown under the table: what is still slower than its floor, and why.
        others: cores that other programs took meanwhile; None where that is not known.
    """

    title: str
    method: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    versions: dict[str, str] = field(default_factory=dict)
    measurements: dict[str, tuple[float, ...]] = field(default_factory=dict)
    remarks: str = ""
    others: float | None = None


def machine() -> dict[str, Any]:
    """What the benchmarks ran on."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0].partition(":")[2].strip() if names else cpu
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def beside_others(run: Callable[[], Report]) -> Report:
    """Run a benchmark, and note what other programs took of the machine."""
    before, started = _others_seconds(), time.monotonic()
    report = run()
    if before is None or (after := _others_seconds()) is None:
        return report
    cores = max(after - before, 0.0) / (time.monotonic() - started)
    return replace(report, others=round(cores, 2))


def _others_seconds() -> float | None:
    """Processor seconds of everything but this process and its children that have ended."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return None
    user, nice, system, _idle, _waiting, hard, soft = map(int, stat.read_text().split()[1:8])
    own = os.times()
    everything = (user + nice + system + hard + soft) / os.sysconf("SC_CLK_TCK")
    return everything - own.user - own.system - own.children_user - own.children_system


def package_versions(*names: str) -> dict[str, str]:
    return {name: version(name) for name in names}


HEADING = "# Benchmarks"
INTRODUCTION = (
    "Written by `make bench`; every value measured is in {document}, with the machine and the "
    "versions of its section.\n\n"
    'To reproduce: `make bench` runs all benchmarks, `make bench NAMES="warm cold_start"` those '
    "that are named (those of `tests/bench`; `soak` is run by its name alone). Sections of the "
    "others are kept, each with its own date and machine. Where a function gets a share of a CPU "
    "it takes Linux and root, for a control group.\n\n"
    "To read: a cell is the median of its values, with the smallest and the greatest in brackets; "
    "a ratio is one of two medians. What is compared was measured by turns in one run, on the "
    "same data, so that whatever else the machine did met both. Times depend on the machine; "
    "ratios less so."
)


def write(
    reports: dict[str, Report],
    markdown: Path,
    document: Path,
    *,
    heading: str = HEADING,
    introduction: str = INTRODUCTION,
) -> None:
    """Write the reports down; those of an earlier run that are not among them are kept."""
    sections: dict[str, Any] = {}
    if document.exists():
        sections = json.loads(document.read_text())
    for name, report in reports.items():
        sections[name] = {
            **asdict(report),
            "machine": machine(),
            "measured_at": datetime.now(UTC).strftime("%Y-%m-%d"),
        }
    sections = dict(sorted(sections.items()))
    document.write_text(json.dumps(sections, indent=1, ensure_ascii=False) + "\n")
    markdown.write_text(
        f"{heading}\n\n"
        + introduction.format(document=f"[{document.name}]({document.name})")
        + "\n"
        + "".join(_section(section) for section in sections.values())
    )


def _section(section: dict[str, Any]) -> str:
    host = section["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in section["versions"].items())
    others = section.get("others")
    shared = "" if others is None else f" Other programs took {others:.2g} cores meanwhile."
    lines = [
        "",
        f"## {section['title']}",
        "",
        section["method"],
        "",
        f"{section['measured_at']}, {host['cpu']}, {host['cores']} cores, {host['system']}, "
        f"Python {host['python']}, {versions}.{shared}",
        "",
        _row(section["columns"]),
        _row(["---", *["---:"] * (len(section["columns"]) - 1)]),
        *map(_row, section["rows"]),
        "",
        *([section["remarks"], ""] if section.get("remarks") else []),
    ]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
