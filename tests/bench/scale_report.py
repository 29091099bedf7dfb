"""Writes down what ``scale`` has measured."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from api_latency import percentile
from report import Report, Sample, package_versions, short

MOST_GROWTH = 1.3
LATER = ", later page"
WHY = (
    "What grows is the depth of the indexes: a step into one passes one block more for about each "
    "hundredfold of the trades, and a page of 50 takes some 150 steps to its rows. A range in "
    "the order of something else takes one more for each class that it is cut into, up to 45. At "
    "the ends of a range, rows of a class that are not in it are passed, 28 for each found of a "
    "single day. Statistics read all trades of their selection, which no index spares them; they "
    "are answered from the cache until the data change."
)


@dataclass
class Measured:
    """All that was measured.

    Attributes:
        seconds: by what was asked and how many trades there are, of each request.
        rows: likewise, in the answer.
        blocks: likewise, that Postgres looks at.
        sizes: by number of trades and relation, bytes.
        inserts: by the indexes there are, rows a second.
        version: of Postgres.
    """

    seconds: dict[tuple[str, int], list[float]] = field(default_factory=lambda: defaultdict(list))
    rows: dict[tuple[str, int], int] = field(default_factory=dict)
    blocks: dict[tuple[str, int], int] = field(default_factory=dict)
    sizes: dict[tuple[int, str], int] = field(default_factory=dict)
    inserts: dict[str, Sample] = field(default_factory=dict)
    version: str = ""

    def names(self) -> list[str]:
        """What was asked, in its order."""
        return list(dict.fromkeys(name for name, _ in self.seconds))

    def percentile(self, name: str, rows: int, share: int) -> float:
        """In ms."""
        return percentile(tuple(self.seconds[name, rows]), share) * 1000

    def growth(self, name: str, share: int = 50) -> tuple[float, int] | None:
        """A percentile with the most trades, as a multiple of that with the fewest of which the
        answer has as many; and how many these are. None where there is nothing to compare.
        """
        asked = sorted(rows for each, rows in self.seconds if each == name)
        if not asked:
            return None
        last = asked[-1]
        first = next(rows for rows in asked if self.rows[name, rows] == self.rows[name, last])
        if first == last:
            return None
        return self.percentile(name, last, share) / self.percentile(name, first, share), first


def report(measured: Measured, method: str) -> Report:
    sizes = sorted({rows for rows, _ in measured.sizes})
    groups: dict[str, list[str]] = defaultdict(list)
    for name in measured.names():
        groups[name.partition(" by ")[0]].append(name)
    return Report(
        title="Lists of ten thousand to ten million trades",
        method=method,
        columns=(
            "",
            "order that grows most",
            *(f"p50 of {rows:,}, ms" for rows in sizes),
            "growth of p50",
            "from",
            "growth of p99",
            "growth of p50 of a later page",
            f"blocks of {sizes[0]:,}",
            f"of {sizes[-1]:,}",
        ),
        rows=tuple(_row(measured, sizes, group, names) for group, names in groups.items()),
        versions={"PostgreSQL": measured.version, **package_versions("pg8000", "sqlalchemy")},
        measurements={
            f"{name}, {rows}, ms": tuple(
                round(measured.percentile(name, rows, share), 3) for share in (50, 90, 99)
            )
            for name, rows in measured.seconds
        }
        | {f"{name} of {rows}, bytes": (size,) for (rows, name), size in measured.sizes.items()}
        | {f"{name}, {rows}, blocks": (count,) for (name, rows), count in measured.blocks.items()}
        | {f"inserted a second, {name}": each.values for name, each in measured.inserts.items()},
        remarks="\n\n".join(_remarks(measured, sizes)),
    )


def _row(
    measured: Measured, sizes: Sequence[int], group: str, names: Sequence[str]
) -> tuple[str, ...]:
    first = [name for name in names if not name.endswith(LATER)]
    worst = max(first, key=lambda name: (measured.growth(name) or (0.0, 0))[0])
    growth, tail = measured.growth(worst), measured.growth(worst, 99)
    later = [
        found[0] for name in names if name.endswith(LATER) and (found := measured.growth(name))
    ]
    return (
        group,
        worst.partition(" by ")[2],
        *(short(measured.percentile(worst, rows, 50)) for rows in sizes),
        f"{growth[0]:.2f}" if growth else "",
        f"{growth[1]:,}" if growth else "",
        f"{tail[0]:.2f}" if tail else "",
        f"{max(later):.2f}" if later else "",
        *(str(measured.blocks.get((worst, rows), "")) for rows in (sizes[0], sizes[-1])),
    )


def _remarks(measured: Measured, sizes: Sequence[int]) -> Iterator[str]:
    lists = [name for name in measured.names() if " by " in name]
    found = {name: growth for name in lists if (growth := measured.growth(name))}
    beyond = {name: growth for name, (growth, _) in found.items() if growth > MOST_GROWTH}
    listed = sorted(beyond, key=lambda name: -beyond[name])
    yield (
        f"Of {len(found)} pages, {len(found) - len(beyond)} take at most {MOST_GROWTH} times as "
        f"long with {sizes[-1]:,} trades"
        + ("." if not beyond else "; the others, with their growth: ")
        + ", ".join(f"{name} {beyond[name]:.2f}" for name in listed)
    )
    yield WHY
    yield _sizes(measured, sizes)
    rates = ", ".join(f"{each} {name}" for name, each in measured.inserts.items())
    few, many = measured.inserts.values()
    yield f"Trades inserted a second: {rates}; {few.ratio(many)} of these."


def _sizes(measured: Measured, sizes: Sequence[int]) -> str:
    texts = []
    for rows in sizes:
        of = {name: size for (each, name), size in measured.sizes.items() if each == rows}
        table = of.pop("trades")
        texts.append(
            f"{rows:,} trades take {table / 1e6:,.0f} MB, their {len(of)} indexes"
            f" {sum(of.values()) / 1e6:,.0f} MB, the largest"
            f" {max(of.values()) / 1e6:,.0f} MB (`{max(of, key=lambda name: of[name])}`)"
        )
    return "; ".join(texts) + "."
