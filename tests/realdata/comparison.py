"""The findings beside those that are published."""

from cells import interval, percent, probability, short, table
from evidence import WITHIN_YEAR, YEAR, Evidence, covers, holds
from published import REFERENCES, VALUES
from reasons import Reasons
from sections import EVENT_NAMES, HOLDINGS, LEG_NAMES
from study import INDEX, LEGS, PUBLISHED, TWENTY, Key

from quant.analytics.multiple_testing import benjamini_hochberg
from quant.analytics.performance.alpha import Frequency
from quant.analytics.performance.calendar_time import Leg as PortfolioLeg
from quant.analytics.performance.vocabulary import HORIZONS, Event, Model
from quant.reports.performance_legs import Leg


class Comparison(Evidence):
    """What agrees with the published findings, what does not, and why."""

    def comparison(self) -> str:
        rows = []
        for each in VALUES:
            for event in Event:
                cells = []
                for benchmark in (INDEX, TWENTY):
                    found = self.car(
                        each.leg,
                        each.horizon,
                        benchmark,
                        event=event,
                        population=each.population,
                    )
                    inside = "yes" if covers(found, each.value) else "no"
                    cells += [f"{short(found)} ({found['n']})", inside]
                rows.append(
                    (
                        each.source,
                        f"{each.population}, {LEG_NAMES[each.leg]}",
                        EVENT_NAMES[event],
                        "1 month" if each.months == 1 else f"{each.months} months",
                        percent(each.value),
                        *cells,
                    )
                )
        columns = ("published in", "of", "here from", "over", "published", "here, index")
        columns += ("holds it", "here, less the twenty", "holds it")
        parts = [
            "## Beside what is published",
            "",
            "Mean CAR in per cent, 95 % interval, number of trades; whether the interval holds "
            "the published value. A month is 21 trading days. The abstracts do not say which day "
            "the returns follow, so both are shown.",
            "",
            table(columns, rows, texts=4),
            "",
            "**What agrees**",
            "",
            *(f"- {sentence}" for sentence in self.agreeing()),
            "",
            "**What does not**",
            "",
            *(f"- {sentence}" for sentence in self.disagreeing()),
            "",
            "**Why**",
            "",
            *(f"- {sentence}" for sentence in Reasons(self.findings).sentences()),
            "",
            "**Read, and not read**",
            "",
            "Findings are quoted from the abstracts; that of the working paper from a report of "
            "Roll Call (24 April 2020). The full texts could not be read here: which day returns "
            "follow, how errors are clustered, and the senators' table of the article are not "
            "compared.",
            "",
            *(f"- {reference}" for reference in REFERENCES),
        ]
        return "\n".join(parts)

    def agreeing(self) -> list[str]:
        senate = [each for each in VALUES if each.population == PUBLISHED]
        at_random = [
            self.findings.rank(Key(PUBLISHED, event, leg, days))
            for event in Event
            for leg in LEGS[:2]
            for days in (21, 63, 126)
        ]
        bought = Leg.PURCHASES
        return [
            holds(
                self.covered_everywhere(bought, INDEX, Event.DISCLOSURE, HORIZONS),
                "From disclosure no interval of senators' purchases leaves out zero.",
            ),
            holds(
                all(
                    covers(self.car(each.leg, each.horizon, TWENTY), each.value)
                    and covers(self.car(each.leg, each.horizon, TWENTY))
                    and self.car(each.leg, each.horizon, TWENTY)["value"] < 0
                    for each in senate
                ),
                "Less the mean of the twenty, stocks that senators bought did slightly worse over "
                "1, 3 and 6 months from the transaction, as published; all three intervals hold "
                "zero and the published value.",
            ),
            holds(
                self.covered_everywhere(
                    Leg.PURCHASES_MINUS_SALES, INDEX, Event.TRANSACTION, WITHIN_YEAR
                ),
                "Up to 126 days from the transaction no difference between stocks bought and "
                "stocks sold is found.",
            ),
            holds(
                all(found.low < 0 < found.high for found in at_random),
                "Up to 126 days the stocks traded rank among the twenty as picks at random do.",
            ),
            holds(
                all(self.car(Leg.SALES, days, TWENTY)["value"] < 0 for days in (21, 63)),
                "Less the mean of the twenty, stocks sold did slightly worse for three months, as "
                "published.",
            ),
        ]

    def disagreeing(self) -> list[str]:
        half, year = self.car(Leg.PURCHASES, 126), self.car(Leg.PURCHASES, YEAR)
        sold = self.car(Leg.SALES, YEAR, TWENTY)
        daily = self.year_alpha().annualised
        monthly = self.year_alpha(Model.FAMA_FRENCH, Frequency.MONTHLY).annualised
        alphas, q_value = self._year_q()
        model = self.car(Leg.PURCHASES, 126, event=Event.DISCLOSURE, model=Model.MARKET_MODEL)
        adjusted = self.car(Leg.PURCHASES, 126, event=Event.DISCLOSURE)
        return [
            holds(
                half["value"] > 0 and year["value"] > 0 and covers(half),
                "Against the index, the mean of what senators bought is positive: "
                f"{short(half)} % over 126 days and {short(year)} % over 252 from the transaction.",
            ),
            holds(
                daily.low > 0 > monthly.low,
                "Held for a year from the transaction, purchases less sales earn "
                f"{percent(daily.value)} {interval(daily.low, daily.high)} % a year on the index "
                f"and {percent(monthly.value)} {interval(monthly.low, monthly.high)} % on the "
                "three factors to 2018, which holds zero. Over the "
                f"{alphas} daily alphas of senators to 2020, the first has "
                f"q = {probability(q_value)}.",
            ),
            holds(
                sold["value"] < 0 < sold["high"],
                "After a year the stocks that senators sold had done worse than the twenty, "
                f"{short(sold)} %, where the working paper has them slightly better; the interval "
                "holds both.",
            ),
            holds(
                model["value"] < adjusted["value"] < 0.01,
                "In the market model purchases look far worse than market-adjusted, from "
                f"disclosure {short(model)} % against {short(adjusted)} % over 126 days.",
            ),
            self._excluding_zero(),
        ]

    def _excluding_zero(self) -> str:
        keys = [
            Key(PUBLISHED, event, leg, days, benchmark)
            for event in Event
            for benchmark in (INDEX, TWENTY)
            for leg in LEGS
            for days in HORIZONS
        ]
        cautious, as_answered = (
            [key for key in keys if not covers(self.findings.grid[key][name])]
            for name in ("car", "as_answered")
        )
        listed = "; ".join(
            f"{LEG_NAMES[key.leg]} over {key.horizon} day{'s' * (key.horizon > 1)} from "
            f"{EVENT_NAMES[key.event]}, "
            f"{'index' if key.benchmark == INDEX else 'less the twenty'}"
            for key in as_answered
        )
        return (
            f"Of the {len(keys)} intervals of senators to 2020 below, {len(cautious)} leave out "
            "zero; by the API's rule, which takes the greatest variance below eight effective "
            f"clusters only, {len(as_answered)} do"
            f"{': ' if listed else ''}{listed}. If nothing were there, "
            f"{len(keys) * 0.05:.1f} would on average; they depend on each other."
        )

    def _year_q(self) -> tuple[int, float]:
        """How many daily alphas of senators there are, and the q-value of the year's difference."""
        p_values = {
            (event, holding, leg): self.findings.alpha(
                self.findings.populations[PUBLISHED],
                holding,
                event=event,
                leg=leg,
                model=Model.MARKET_MODEL,
            ).annualised.p_value
            for event in Event
            for holding in HOLDINGS
            for leg in PortfolioLeg
        }
        q_values = benjamini_hochberg(list(p_values.values()))
        year = list(p_values).index((Event.TRANSACTION, YEAR, PortfolioLeg.DIFFERENCE))
        return len(p_values), float(q_values[year])
