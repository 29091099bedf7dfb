"""Why the findings agree with the published ones, or not."""

import numpy as np
from cells import interval, percent, short
from evidence import YEAR, Evidence, covers, holds
from published import ZIOBROWSKI_MONTHLY
from study import EXPECTED, HOUSE, INDEX, PUBLISHED, TWENTY, Key, detectable

from quant.analytics.performance.alpha import Frequency
from quant.analytics.performance.calendar_time import Leg as PortfolioLeg
from quant.analytics.performance.event_study import simple_returns
from quant.analytics.performance.expected_returns import estimate_loadings, market_factors
from quant.analytics.performance.vocabulary import Event, Model, Weighting
from quant.reports.performance_legs import Leg


class Reasons(Evidence):
    """Dividends, survivors, few senators, models, coverage, power."""

    def sentences(self) -> list[str]:
        return [
            self._dividends(),
            self._survivors(),
            self._one_senator(),
            self._amounts(),
            self._market_model(),
            self._house(),
            self._power(),
            "The published benchmark is of stocks of the same industry and size; here it is an "
            "index or the mean of twenty stocks of every industry. What an industry did is part of "
            "these numbers and not of the published ones.",
            "Intervals are clustered by politician and by day of the return, which windows share "
            "where they overlap. They hold as far as one day's abnormal returns do not foretell "
            "another's, across politicians.",
        ]

    def _dividends(self) -> str:
        gap, error, months = self.dividend_gap()
        half = gap / 2
        close = self.findings.prices.benchmark_close
        [year_end] = close[self.findings.prices.days == np.datetime64("2019-12-31")]
        return holds(
            gap - 2 * error > 0 and year_end == 3230.78,
            "The index has no dividends, the adjusted closes of the stocks do: it closes 2019 at "
            "3,230.78, the level of the S&P 500 as a price index. Over the "
            f"{months} months that both have, the market return of the Fama-French factors, "
            f"dividends included, is {percent(gap)} % a year above that of the index (s.e. "
            f"{percent(error)}), part of which is its smaller companies. That is "
            f"{percent(half)} % over 126 days, for any stock at all.",
        )

    def dividend_gap(self) -> tuple[float, float, int]:
        """Mean yearly excess of the factors' market return over the index's, s.e., months."""
        prices, factors = self.findings.prices, self.findings.factors
        months = prices.days.astype("datetime64[M]")
        ends = np.flatnonzero(np.append(months[1:] != months[:-1], True))
        closes, of = prices.benchmark_close[ends], months[ends]
        index = dict(zip(of[1:].tolist(), closes[1:] / closes[:-1] - 1, strict=True))
        gaps = [
            total - index[month]
            for month, total in zip(
                factors.days.astype("datetime64[M]").tolist(),
                factors.market + factors.risk_free,
                strict=True,
            )
            if month in index
        ]
        return (
            12 * float(np.mean(gaps)),
            12 * float(np.std(gaps, ddof=1) / np.sqrt(len(gaps))),
            len(gaps),
        )

    def _survivors(self) -> str:
        closes = [self.findings.studies[name].prices.benchmark_close for name in (INDEX, TWENTY)]
        years = (len(closes[0]) - 1) / YEAR
        index, twenty = [(close[-1] / close[0]) ** (1 / years) - 1 for close in closes]
        year, control = self.car(Leg.PURCHASES, YEAR), self.car(Leg.PURCHASES, YEAR, TWENTY)
        moved = year["value"] - control["value"]
        return holds(
            twenty > index and 2 * moved > year["value"] > 0,
            "The twenty are large companies that were in the index when the data set was made, and "
            "existed throughout: their equally weighted mean, dividends included, made "
            f"{percent(twenty, 1)} % a year from 2010 to 2022, the index {percent(index, 1)} %. "
            "Nobody could have known in advance which twenty these would be. Of the "
            f"{percent(year['value'])} % over 252 days against the index, {percent(moved)} are the "
            "mean of the twenty against the index over the same days.",
        )

    def _one_senator(self) -> str:
        trades = self.findings.study.trades.arrays
        which = self.findings.populations[PUBLISHED] & self.findings.covered
        codes, numbers = np.unique(trades.politician[which], return_counts=True)
        most = trades.politician == codes[numbers.argmax()]
        share = numbers.max() / numbers.sum()
        senator = self.year_alpha(without=most).annualised
        by_ticker = {
            self.findings.prices.tickers[code]: self.year_alpha(
                without=trades.ticker == code
            ).annualised
            for code in np.unique(trades.ticker[which])
        }
        ticker, stock = min(by_ticker.items(), key=lambda each: each[1].value)
        least, greatest = self.findings.without_one(
            Key(PUBLISHED, Event.TRANSACTION, Leg.PURCHASES, 126)
        )
        return holds(
            senator.low < 0 < senator.high and stock.low < 0 < stock.high,
            f"Few senators make most of the trades; one makes {percent(share, 0)} % of those "
            "measured here. Without that one, purchases less sales held for a year earn "
            f"{percent(senator.value)} {interval(senator.low, senator.high)} % a year; without "
            f"{ticker}, which of the twenty matters most, {percent(stock.value)} "
            f"{interval(stock.low, stock.high)} %. The mean "
            "CAR of purchases over 126 days is less fragile: with any one senator left out it lies "
            f"between {percent(least)} and {percent(greatest)} %.",
        )

    def _amounts(self) -> str:
        key = Key(PUBLISHED, Event.TRANSACTION, Leg.PURCHASES, 126, weighting=Weighting.MIDPOINT)
        row = self.findings.row(key)
        low, high = self.findings.amount_bounds(key)
        return holds(
            covers(row["car"]) and low < 0 < high,
            "Trades count alike. Weighted by the midpoints of the disclosed ranges the same "
            f"purchases have {short(row['car'])} % against the index, and amounts within the "
            f"ranges could give anything in {interval(low, high)} %.",
        )

    def _market_model(self) -> str:
        adjusted = self.car(Leg.PURCHASES, 126)
        model = self.car(Leg.PURCHASES, 126, model=Model.MARKET_MODEL)
        alpha, disclosed = (
            self._prior_alpha(event) for event in (Event.TRANSACTION, Event.DISCLOSURE)
        )
        return holds(
            model["value"] < adjusted["value"] and 0 < alpha < disclosed,
            "The market model expects the alpha of the year before to go on: on average "
            f"{percent(alpha)} % a year for senators' purchases, {percent(disclosed)} % for those "
            "whose disclosure is known. Where alphas do not last, this alone makes CARs negative. "
            f"Over 126 days from the transaction the same purchases have {short(adjusted)} % "
            f"market-adjusted and {short(model)} % in the market model: beyond a month the "
            "difference is about the model, not about the trades.",
        )

    def _prior_alpha(self, event: Event) -> float:
        """Mean alpha, a year, that the market model expects of senators' purchases."""
        sample = self.findings.sample(
            Key(PUBLISHED, event, Leg.PURCHASES, 126, model=Model.MARKET_MODEL)
        )
        prices = self.findings.prices
        loadings = estimate_loadings(
            simple_returns(prices.close),
            market_factors(simple_returns(prices.benchmark_close)),
            sample.returns.entry,
            sample.ticker,
        )
        return YEAR * float(loadings.alpha.mean())

    def _house(self) -> str:
        index, twenty = (
            self.car(Leg.PURCHASES, 63, benchmark, event=Event.DISCLOSURE, population=HOUSE)
            for benchmark in (INDEX, TWENTY)
        )
        in_2022 = {name: self._return_of_2022(name) for name in (INDEX, TWENTY)}
        days = self.findings.study.trades.arrays.disclosure_day
        sample = self.findings.populations[HOUSE] & self.findings.covered
        sample &= days < self.findings.prices.days[-1]
        return holds(
            index["value"] > 0
            and covers(twenty)
            and in_2022[INDEX] < 0 < in_2022[TWENTY]
            and days[sample].min() >= np.datetime64("2022-01-01"),
            f"All {int(sample.sum())} trades of House members that are measured from disclosure "
            "were disclosed in 2022, after the published period. The index made "
            f"{percent(in_2022[INDEX], 1)} % in that year, the mean of the twenty "
            f"{percent(in_2022[TWENTY], 1)} %. So {index['n']} purchases have "
            f"{short(index)} % over 63 days against the index and {short(twenty)} % against the "
            "twenty. It cannot confirm or contradict the published 26 and 11 basis points.",
        )

    def _return_of_2022(self, benchmark: str) -> float:
        prices = self.findings.studies[benchmark].prices
        before = prices.benchmark_close[prices.days < np.datetime64("2022-01-01")]
        return float(prices.benchmark_close[-1] / before[-1] - 1)

    def _power(self) -> str:
        key = Key(PUBLISHED, Event.TRANSACTION, Leg.PURCHASES, 126, *EXPECTED[2])
        found = detectable(self.findings.grid[key])
        alpha = self.year_alpha(Model.FAMA_FRENCH, Frequency.MONTHLY, PortfolioLeg.PURCHASES)
        monthly = alpha.per_period
        return holds(
            found > 10 * 0.0017 and monthly.low < 0 < ZIOBROWSKI_MONTHLY < monthly.high,
            f"Less the mean of the twenty, {percent(found)} % over 126 days is the smallest mean "
            "that would be found four times in five; the published value is 0.17 %. Nor is the "
            "opposite excluded: senators' purchases held for a year have a monthly three-factor "
            f"alpha of {percent(monthly.value)} {interval(monthly.low, monthly.high)} %, which "
            f"holds zero and the {percent(ZIOBROWSKI_MONTHLY)} % of Ziobrowski et al. (2004).",
        )
