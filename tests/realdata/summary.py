"""What the performance report begins with."""

from cells import short
from evidence import WITHIN_YEAR, YEAR, Evidence, covers, holds
from sections import EVENT_NAMES
from study import ALL, INDEX, PUBLISHED, TWENTY, Key

from quant.analytics.performance.vocabulary import HORIZONS, Event
from quant.reports.performance_legs import Leg


class Summary(Evidence):
    """The findings in a few sentences."""

    def in_short(self) -> str:
        bought = Leg.PURCHASES
        half, year = self.car(bought, 126), self.car(bought, YEAR)
        control = self.car(bought, YEAR, TWENTY)
        everybody = {
            benchmark: self.car(bought, 63, benchmark, event=Event.DISCLOSURE, population=ALL)
            for benchmark in (INDEX, TWENTY)
        }
        bullets = [
            holds(
                all(
                    self.covered_everywhere(bought, benchmark, Event.DISCLOSURE, HORIZONS)
                    for benchmark in (INDEX, TWENTY)
                ),
                "From disclosure, what a follower could have earned: the stocks that senators "
                "bought up to 2020 cannot be told apart from the index or from the mean of the "
                "twenty stocks at any horizon; over 63 days the mean CAR against the index is "
                f"{short(self.car(bought, 63, event=Event.DISCLOSURE))} %.",
            ),
            holds(
                covers(everybody[INDEX]) and covers(everybody[TWENTY]),
                "Nor can those of all members, with the House's of 2022: over 63 days "
                f"{short(everybody[INDEX])} % against the index and {short(everybody[TWENTY])} % "
                "less the mean of the twenty.",
            ),
            holds(
                covers(half)
                and covers(control)
                and 0 < year["value"] < 2 * (year["value"] - control["value"]),
                "From the transaction, what senators could have earned themselves: over 126 days "
                f"{short(half)} % against the index, over 252 days {short(year)} %. Less the mean "
                f"of the twenty the latter is {short(control)} %: an index without dividends, and "
                "stocks that survived, account for most of it.",
            ),
            self._bought_and_sold(),
            self._politicians(),
            "This agrees with Belmont et al. (2022) as far as it can: it is of twenty large "
            f"stocks, {half['n']} "
            f"purchases and {self._clusters(bought)} senators. Effects of the published size, a "
            "quarter of a per cent, are far below what such a sample can find.",
        ]
        return "## In short\n\n" + "\n".join(f"- {bullet}" for bullet in bullets)

    def _bought_and_sold(self) -> str:
        leg = Leg.PURCHASES_MINUS_SALES
        index, twenty = (self.car(leg, YEAR, benchmark) for benchmark in (INDEX, TWENTY))
        alpha = self.year_alpha().annualised
        return holds(
            all(
                self.covered_everywhere(leg, benchmark, Event.TRANSACTION, WITHIN_YEAR)
                for benchmark in (INDEX, TWENTY)
            )
            and covers(twenty)
            and alpha.low > 0,
            "Up to half a year from the transaction, stocks bought did no better than stocks sold: "
            f"over 126 days {short(self.car(leg, 126, TWENTY))} %. Over a year the difference is "
            f"{short(index)} % against the index and {short(twenty)} % less the mean of the "
            "twenty; calendar-time portfolios held for a year do differ, which is not found "
            "without the trades of one senator or without one stock (below).",
        )

    def _clusters(self, leg: Leg) -> int:
        row = self.findings.grid[Key(PUBLISHED, Event.TRANSACTION, leg, 126)]
        number: int = row["clusters"]["politician"]
        return number

    def _politicians(self) -> str:
        found = {event: self.findings.politicians(event, 63)[0] for event in Event}
        return holds(
            all(row["car"]["q_value"] > 0.05 for rows in found.values() for row in rows),
            "No politician's trades stand out after correction for testing many: "
            + " and ".join(
                f"{len(rows)} tested from {EVENT_NAMES[event]}" for event, rows in found.items()
            )
            + ", none with q <= 0.05 at 63 days.",
        )
