"""The detectors on data whose answer is known, and what they may not know."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.random import PCG64, Generator
from scipy import stats

from quant.analytics.anomalies.clustering import (
    LENGTHS,
    find_bursts,
    max_statistic_p_value,
    permuted,
    scan,
    weekdays,
)
from quant.analytics.anomalies.lateness import (
    delays,
    filing_counts,
    late_mid_p_value,
    late_share,
    unusual_delays,
)
from quant.analytics.anomalies.size import (
    deviations,
    expanding_median,
    log_amount,
    size_scores,
    unusual_sizes,
)
from quant.analytics.anomalies.timing import (
    abnormal_returns,
    date_shift_p_value,
    start_rows,
    upper_tail,
    window_p_values,
)
from quant.analytics.arrays import PricePanel, TradeArrays

FIRST = np.datetime64("2018-01-01")
DAY = np.timedelta64(1, "D")


def generator(seed=1):
    return Generator(PCG64(seed))


def later(days, number):
    return days + np.asarray(number) * DAY


def made_up_trades(draw, count=200, politicians=1):
    transaction = later(FIRST, draw.integers(0, 900, count))
    amount = draw.lognormal(10, 1, count)
    return TradeArrays(
        draw.integers(0, politicians, count),
        np.full(count, -1),
        np.ones(count, dtype=np.int64),
        transaction,
        later(transaction, draw.integers(1, 60, count)),
        amount,
        amount,
    )


def sizes(trades, tie_break, politician=0):
    member = trades.politician == politician
    return unusual_sizes(trades, size_scores(trades), member, tie_break[member])


def made_up_prices(draw, days=700, tickers=5):
    market = draw.normal(0, 0.01, days)
    close = np.exp(np.cumsum(market[:, None] + draw.normal(0, 0.015, (days, tickers)), axis=0))
    return PricePanel(
        np.busday_offset(FIRST, np.arange(days)),
        tuple(f"SYN{number}" for number in range(tickers)),
        close,
        "SYNIX",
        np.exp(np.cumsum(market)),
    )


class TestSize:
    def test_a_range_counts_with_its_geometric_middle(self):
        middle = log_amount(np.array([1001.0, 50_000_001]), np.array([15000.0, np.nan]))
        assert middle == pytest.approx([np.log(np.sqrt(1001 * 15000)), np.log(50_000_001)])

    def test_median_of_what_was_before(self):
        values = generator().normal(size=50)
        expected = [np.median(values[:place]) for place in range(1, 50)]
        np.testing.assert_allclose(expanding_median(values)[1:], expected, rtol=1e-12)

    def test_deviations_are_those_of_brute_force(self):
        values = generator().normal(size=60)
        found = deviations(values)
        assert np.isnan(found[:20]).all()
        for place in range(20, 60):
            before = values[:place]
            scale = max(before.std(ddof=1), 0.5)
            assert found[place] == pytest.approx((values[place] - np.median(before)) / scale)

    def test_the_largest_of_thirty_is_one_in_thirty(self):
        transaction = FIRST + np.arange(30) * DAY
        amount = np.full(30, 1001.0)
        amount[-1] = 1_000_001
        zeros = np.zeros(30, dtype=np.int64)
        trades = TradeArrays(
            zeros, zeros, zeros, transaction, transaction + 30 * DAY, amount, amount * 5
        )
        found = sizes(trades, np.full(30, 0.5))
        assert found.p_own[-1] == pytest.approx(1 / 30)
        assert found.history[-1] == 29
        assert found.score[-1] == pytest.approx(np.log(1_000_001 / 1001) / 0.5)
        # All the others tie with all before them: no evidence at all.
        assert found.p_own[20:29] == pytest.approx(np.ones(9))
        # There are no peers.
        assert np.isnan(found.p_value).all()

    def test_scores_are_compared_with_those_of_peers_known_by_then(self):
        trades = made_up_trades(generator(2), 900, politicians=6)
        scores = size_scores(trades)
        found = sizes(trades, np.full(900, 0.5))
        own = trades.politician == 0
        day, peer_day = trades.disclosure_day[own], trades.disclosure_day[~own]
        tested = np.flatnonzero(~np.isnan(found.p_value))
        assert len(tested) > 50
        for place in tested:
            known = scores[~own][(peer_day <= day[place]) & ~np.isnan(scores[~own])]
            at_least = np.sum(known >= scores[own][place])
            assert found.p_value[place] == pytest.approx((1 + at_least) / (1 + len(known)))
            assert found.peers[place] == len(known)

    def test_a_trade_without_disclosure_day_is_neither_tested_nor_compared(self):
        draw = generator()
        trades = made_up_trades(draw, 90)
        trades.disclosure_day[::3] = np.datetime64("NaT", "D")
        known = ~np.isnat(trades.disclosure_day)
        tie_break = draw.random(90)
        found = sizes(trades, tie_break)
        alone = sizes(trades.take(known), tie_break[known])
        assert np.isnan(found.p_own[~known]).all()
        np.testing.assert_array_equal(found.p_own[known], alone.p_own)
        assert found.member_p_value == alone.member_p_value

    @pytest.mark.parametrize("count", [0, 1, 25])
    def test_too_few_trades_are_no_test(self, count):
        found = sizes(made_up_trades(generator(), count), np.zeros(count))
        assert np.count_nonzero(~np.isnan(found.p_own)) == max(count - 20, 0)
        assert np.isnan(found.member_p_value)

    def test_nothing_disclosed_later_changes_what_was_found(self):
        draw = generator(7)
        trades = made_up_trades(draw, 600, politicians=4)
        tie_break = draw.random(600)
        then = FIRST + 500 * DAY
        after = trades.disclosure_day > then
        shuffled = trades.amount_min.copy()
        shuffled[after] = draw.permutation(shuffled[after]) * 100
        before = sizes(trades, tie_break)
        rewritten = sizes(replace(trades, amount_min=shuffled, amount_max=shuffled), tie_break)
        later_on = after[trades.politician == 0]
        assert np.count_nonzero(~np.isnan(before.p_value[~later_on])) > 20
        for name in ("score", "p_own", "p_value", "history", "peers"):
            np.testing.assert_array_equal(
                getattr(before, name)[~later_on], getattr(rewritten, name)[~later_on]
            )
        assert not np.array_equal(before.p_value[later_on], rewritten.p_value[later_on])


class TestTiming:
    def test_window_p_values_are_those_of_brute_force(self):
        draw = generator(2)
        panel = made_up_prices(draw)
        rows, columns = draw.integers(0, 695, 60), draw.integers(0, 5, 60)
        side = draw.choice([-1, 1], 60)
        found = window_p_values(panel, rows, columns, side, 5)
        log = np.log(panel.close) - np.log(panel.benchmark_close)[:, None]
        tested = 0
        for trade, (row, column) in enumerate(zip(rows, columns, strict=True)):
            own = side[trade] * (log[row + 5, column] - log[row, column])
            assert found.abnormal_return[trade] == pytest.approx(own)
            assert found.closed[trade] == panel.days[row + 5]
            earlier = [side[trade] * (log[r + 5, column] - log[r, column]) for r in range(row)]
            if row < 252:
                assert np.isnan(found.p_value[trade])
                continue
            tested += 1
            expected = (1 + sum(value >= own for value in earlier)) / (1 + len(earlier))
            assert found.p_value[trade] == pytest.approx(expected, rel=1e-12)
        assert tested > 20

    def test_windows_that_are_open_or_have_no_price_are_not_tested(self):
        panel = made_up_prices(generator())
        panel.close[400, 1] = np.nan
        rows = np.array([698, -1, 400, 500, 500])
        columns = np.array([0, 0, 1, -1, 0])
        found = window_p_values(panel, rows, columns, np.array([1, 1, 1, 1, 0]), 5)
        assert np.isnan(found.p_value).all()
        assert np.isnat(found.closed[[0, 1, 3, 4]]).all()

    def test_transactions_of_weekends_start_at_the_close_before(self):
        panel = made_up_prices(generator())
        monday = panel.days[5]
        days = np.array([monday - 3 * DAY, monday - DAY, monday, panel.days[0] - DAY])
        assert start_rows(panel.days, days).tolist() == [4, 4, 5, -1]

    def test_upper_tail_is_scipys_rank(self):
        values = generator(3).normal(size=(40, 3))
        values[5, 1] = np.nan
        ranks = upper_tail(values)
        for column in range(3):
            known = ~np.isnan(values[:, column])
            expected = stats.rankdata(-values[known, column]) / known.sum()
            np.testing.assert_allclose(ranks[known, column], expected, rtol=1e-12)
        assert np.isnan(ranks[5, 1])

    def test_date_shift_p_value_is_that_of_brute_force(self):
        draw = generator(4)
        panel = made_up_prices(draw, days=400)
        rows, columns = draw.integers(0, 370, 20), draw.integers(0, 5, 20)
        side = draw.choice([-1, 1], 20)
        length = 400 - 21
        totals = np.zeros(length)
        for horizon in (5, 21):
            returns = abnormal_returns(panel, horizon)[:length]
            for shift in range(length):
                logs = []
                for row, column, sign in zip(rows, columns, side, strict=True):
                    signed = sign * returns[:, column]
                    at_least = np.sum(signed >= signed[(row + shift) % length])
                    logs.append(-2 * np.log(at_least / length))
                totals[shift] += (sum(logs) - 40) / np.sqrt(80)
        expected = np.sum(totals >= totals[0] - 1e-9) / length
        assert date_shift_p_value(panel, rows, columns, side) == pytest.approx(expected)

    def test_date_shift_needs_windows(self):
        panel = made_up_prices(generator(), days=260)
        few = np.arange(5)
        assert np.isnan(date_shift_p_value(panel, few, few, np.ones(5, dtype=np.int64)))
        assert np.isnan(window_p_values(panel, few, few, few, 300).p_value).all()

    def test_no_price_after_the_close_of_a_window_changes_it(self):
        draw = generator(5)
        panel = made_up_prices(draw)
        rows, columns = draw.integers(260, 690, 80), draw.integers(0, 5, 80)
        side = draw.choice([-1, 1], 80)
        then = panel.days[480]
        close, benchmark = panel.close.copy(), panel.benchmark_close.copy()
        close[481:] = draw.permutation(close[481:]) * 3
        benchmark[481:] = draw.permutation(benchmark[481:])
        rewritten = PricePanel(panel.days, panel.tickers, close, "SYNIX", benchmark)
        for horizon in (5, 21):
            before = window_p_values(panel, rows, columns, side, horizon)
            after = window_p_values(rewritten, rows, columns, side, horizon)
            dated = before.closed <= then
            assert dated.sum() > 20
            np.testing.assert_array_equal(before.p_value[dated], after.p_value[dated])
            assert not np.array_equal(before.p_value[~dated], after.p_value[~dated])


class TestClustering:
    def test_weekends_count_as_the_friday_before(self):
        saturday = np.datetime64("2026-11-21")
        assert weekdays(np.array([saturday, saturday + DAY, saturday - DAY])).tolist() == [
            np.datetime64("2026-11-20").item()
        ]

    def test_ratios_are_those_of_the_formula(self):
        draw = generator(6)
        active = draw.random(80) < 0.2
        rate = np.full(80, active.mean())
        ratios = scan(active, rate)
        total = active.sum()
        for place, length in enumerate(LENGTHS):
            for start in range(81 - length):
                inside = active[start : start + length].sum()
                mean = rate[0] * length
                expected = 0.0
                if inside > mean:
                    expected = inside * np.log(inside / mean)
                    if total > inside:
                        expected += (total - inside) * np.log((total - inside) / (total - mean))
                assert ratios[place, start] == pytest.approx(expected, abs=1e-10)
            assert not ratios[place, 81 - length :].any()

    def test_permutations_keep_each_block(self):
        active = generator(7).random(60) < 0.3
        block = np.repeat([0, 1, 2], [10, 20, 30])
        drawn = np.concatenate(list(permuted(active, block, generator(8), 300)))
        assert drawn.shape == (300, 60)
        for number in range(3):
            here = block == number
            assert (drawn[:, here].sum(axis=1) == active[here].sum()).all()
            # Each day of a block is as likely as the others.
            share = active[here].mean()
            error = np.sqrt(share * (1 - share) / 300)
            assert np.abs(drawn[:, here].mean(axis=0) - share).max() < 4.5 * error

    def test_a_planted_burst_is_found_where_it_is(self):
        calendar = np.busday_offset(FIRST, np.arange(500))
        usual = calendar[::25]
        found = find_bursts(np.concatenate([usual, calendar[301:309]]), generator(9))
        first = found.bursts[0]
        assert found.p_value == first.p_value < 0.01
        assert first.first <= calendar[301]
        assert first.last >= calendar[308]
        assert first.active_days >= 8
        assert found.active_days == 28

    def test_many_lines_of_one_day_are_no_burst(self):
        calendar = np.busday_offset(FIRST, np.arange(500))
        days = np.concatenate([calendar[::25], np.repeat(calendar[300], 80)])
        assert find_bursts(days, generator(9)).p_value > 0.05

    @pytest.mark.parametrize("count", [0, 1, 9])
    def test_too_few_days_are_no_test(self, count):
        found = find_bursts(np.busday_offset(FIRST, np.arange(count) * 9), generator())
        assert np.isnan(found.p_value)
        assert found.bursts == ()

    def test_trading_on_every_day_is_no_burst(self):
        assert find_bursts(np.busday_offset(FIRST, np.arange(60)), generator()).p_value == 1

    def test_ties_of_the_null_count_half(self):
        assert max_statistic_p_value(2.0, np.array([1.0, 2.0, 2.0, 3.0])) == pytest.approx(2.5 / 5)


class TestLateness:
    def test_the_forty_fifth_day_is_in_time(self):
        transaction = np.full(4, FIRST)
        disclosure = later(transaction, np.array([45, 46, 0, 90]))
        disclosure[2] = np.datetime64("NaT", "D")
        delay = delays(transaction, disclosure)
        assert delay[[0, 1, 3]].tolist() == [45, 46, 90]
        late, filings = filing_counts(
            np.array([0, 1, 1, 1]), np.array([7, 2, 3, 2]), delay, politicians=3
        )
        assert late.tolist() == [0, 1, 0]
        assert filings.tolist() == [1, 1, 0]

    def test_filings_are_counted_once(self):
        draw = generator(11)
        filing = draw.integers(0, 40, 300)
        politician = filing % 7
        delay = np.where(draw.random(300) < 0.1, np.nan, draw.integers(1, 60, 300))
        late, filings = filing_counts(politician, filing, delay, politicians=8)
        for code in range(8):
            of = [
                delay[(filing == number) & ~np.isnan(delay)]
                for number in range(40)
                if number % 7 == code
            ]
            assert filings[code] == sum(len(delays) > 0 for delays in of)
            assert late[code] == sum((delays > 45).any() for delays in of)

    def test_share_beside_the_peers(self):
        draw = generator(12)
        filings = np.append(draw.integers(5, 40, 60), 30)
        late = draw.binomial(filings, np.append(draw.beta(2, 18, 60), 0.5))
        found = late_share(late, filings, 60)
        everything = (filings.sum(), late.sum(), 30)
        tail = stats.hypergeom.sf(late[60], *everything) + (
            stats.hypergeom.pmf(late[60], *everything) / 2
        )
        assert found.p_hypergeometric == pytest.approx(tail, rel=1e-8)
        assert found.p_value < 0.01
        assert found.p_value > found.p_hypergeometric
        assert found.baseline == pytest.approx(0.1, abs=0.03)
        assert (found.peers, found.peer_filings) == (60, filings[:60].sum())
        assert found.low < found.share == late[60] / 30 < found.high

    def test_mid_p_values_are_scipys(self):
        late, filings = np.array([0, 3, 12, 30]), np.array([5, 8, 40, 60])
        all_late, total = np.array([40, 60, 60, 90]), np.array([300, 500, 500, 900])
        found = late_mid_p_value(late, filings, all_late, total)
        given = (late, total, all_late, filings)
        expected = stats.hypergeom.sf(*given) + 0.5 * stats.hypergeom.pmf(*given)
        np.testing.assert_allclose(found, expected, rtol=1e-8)

    def test_without_filings_or_peers_there_is_no_test(self):
        none = late_share(np.array([0, 1]), np.array([0, 3]), 0)
        assert np.isnan(none.share)
        few = late_share(np.array([3, 1]), np.array([9, 3]), 0)
        assert few.share == pytest.approx(1 / 3)
        assert np.isnan([none.p_value, few.p_value]).all()

    def test_delays_are_compared_with_those_known_by_then(self):
        draw = generator(10)
        peer_delay = draw.integers(5, 60, 400).astype(float)
        peer_day = later(FIRST, draw.integers(0, 300, 400))
        delay = draw.integers(5, 90, 50).astype(float)
        day = later(FIRST, draw.integers(100, 300, 50))
        then = FIRST + np.timedelta64(200, "D")
        before = unusual_delays(delay, day, peer_delay, peer_day, np.full(50, 0.5))
        for trade in np.flatnonzero(~np.isnan(before.p_value)):
            known = peer_delay[peer_day <= day[trade]]
            expected = (1 + np.sum(known >= delay[trade])) / (1 + len(known))
            assert before.p_value[trade] == pytest.approx(expected)
        rewritten = np.where(peer_day > then, peer_delay * 10, peer_delay)
        after = unusual_delays(delay, day, rewritten, peer_day, np.full(50, 0.5))
        dated = day <= then
        assert (dated & ~np.isnan(before.p_value)).sum() > 5
        np.testing.assert_array_equal(before.p_value[dated], after.p_value[dated])
        assert not np.array_equal(before.p_value[~dated], after.p_value[~dated])
