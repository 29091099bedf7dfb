"""Members with nothing in common, and with something planted: what the relations find of it."""

from collections.abc import Iterator

import networkx as nx
import numpy as np
from report import Report, package_versions
from scipy import stats

from quant.analytics.multiple_testing import permutation_q_values
from quant.analytics.relations import cotrading
from quant.analytics.relations.activity import Incidence
from quant.analytics.relations.communities import detect_communities
from quant.analytics.relations.configuration import member_tables
from quant.analytics.relations.conflicts import committee_concentration
from quant.analytics.relations.correlation import WeeklySeries, pairwise_correlations
from quant.analytics.relations.lead_lag import lead_lag
from quant.analytics.relations.poisson_binomial import poisson_binomial_tail
from quant.analytics.relations.surrogates import FEW
from quant.analytics.relations.turned import turned_p_values

LEVEL = 0.05
SIMULATIONS = 1000
WEEKS = 156
STOCKS = 150
# Fewer than in an answer, which has 199: enough for q-values of 1 %.
TURNED_NETWORKS = 99
# Fewer expected co-trades leave a discrete test nothing to reject at 5 %.
TESTABLE = 0.3

# Stocks of unlike popularity; then bursts of trading and terms of office; then portfolios that
# members keep trading.
WORLDS = {
    "popular stocks": {"bursts": False, "portfolios": False},
    "and busy weeks": {"bursts": True, "portfolios": False},
    "and portfolios": {"bursts": True, "portfolios": True},
}


def member(rng, *, bursts: bool, portfolios: bool, mean: float = 80):
    """Stocks and weeks of one made-up member's trades."""
    popularity = 1 / np.arange(1, STOCKS + 1) ** 0.9
    popularity /= popularity.sum()
    count = max(20, int(rng.lognormal(np.log(mean), 0.6)))
    stocks = rng.choice(STOCKS, count, p=popularity)
    if portfolios:
        held = rng.choice(STOCKS, min(max(5, count // 3), STOCKS // 2), replace=False, p=popularity)
        stocks = rng.choice(held, count, p=rng.dirichlet(np.full(len(held), 0.7)))
    activity = rng.gamma(0.5, size=WEEKS) if bursts else np.ones(WEEKS)
    if bursts:
        start = rng.integers(0, WEEKS // 4)
        activity[:start] = 0
        activity[WEEKS - rng.integers(1, WEEKS // 4) :] = 0
    weeks = rng.choice(WEEKS, count, p=activity / activity.sum())
    return 2 * stocks + rng.integers(0, 2, count), weeks


def cells(*members) -> Incidence:
    columns = [
        np.column_stack((np.full(len(stocks), place), stocks, weeks))
        for place, (stocks, weeks) in enumerate(members)
    ]
    return Incidence(*np.unique(np.concatenate(columns), axis=0).T)


def copied(rng, trades, count: int, delay: int, base):
    """``base`` and ``count`` of the other ``trades``, repeated after ``delay`` weeks."""
    which = rng.choice(len(trades[0]), min(count, len(trades[0])), replace=False)
    return (
        np.concatenate((base[0], trades[0][which])),
        np.concatenate((base[1], trades[1][which] + delay)),
    )


def cotrading_null(world: str, simulations: int = SIMULATIONS) -> dict[str, float]:
    """Shares of pairs of independent members that each test finds at 5 %."""
    rng = np.random.default_rng([20110331, list(WORLDS).index(world)])
    mid, exact, published, discoveries, links, pairs = [], [], [], 0, 0, 0
    for _ in range(simulations):
        made = cells(*(member(rng, **WORLDS[world]) for _ in range(6)))
        found = cotrading.project(made, 6)
        mid.append(found.p_value[found.expected >= TESTABLE])
        tail, mass = _tails(made)
        # The randomised p-value, exactly uniform where the null distribution is right.
        exact.append(tail - rng.random(len(tail)) * mass)
        published.append(found.p_hypergeometric)
        discoveries += bool((found.q_value <= LEVEL).any())
        links += bool(linked(rng, made, found).any())
        pairs += len(found)
    return {
        "randomised": float(np.mean(np.concatenate(exact) <= LEVEL)),
        "mid_p": float(np.mean(np.concatenate(mid) <= LEVEL)),
        "hypergeometric": float(np.mean(np.concatenate(published) <= LEVEL)),
        "any_discovery": discoveries / simulations,
        "any_link": links / simulations,
        "pairs": pairs,
    }


def linked(rng, made: Incidence, found: cotrading.Projection):
    """Which pairs are links: those that pass both corrections."""
    passed = found.q_value <= LEVEL
    if not passed.any():
        return passed
    null = turned_p_values(made, int(made.politician.max()) + 1, TURNED_NETWORKS, rng)
    return passed & (permutation_q_values(found.p_value, null, TURNED_NETWORKS) <= LEVEL)


def basket_member(rng):
    """Stocks and weeks of a member who trades one of two baskets of stocks at once, a dozen times.

    So the stocks of two members, each of whom trades alone, meet together or not at all.
    """
    popularity = 1 / np.arange(1, STOCKS + 1) ** 0.9
    baskets = [
        rng.choice(STOCKS, 12, replace=False, p=popularity / popularity.sum()) for _ in range(2)
    ]
    columns = []
    for week in rng.choice(WEEKS, 12, replace=False):
        basket = baskets[rng.integers(2)]
        traded = basket[rng.random(len(basket)) < 0.8]
        columns.append((2 * traded + rng.integers(2), np.full(len(traded), week)))
    single = rng.integers(0, STOCKS, 10), rng.integers(0, WEEKS, 10)
    columns.append((2 * single[0], single[1]))
    return tuple(np.concatenate(each) for each in zip(*columns, strict=True))


def baskets(simulations: int = SIMULATIONS) -> dict[str, float]:
    """Shares of pairs found, and of networks with any, where members trade baskets alone."""
    rng = np.random.default_rng(20010417)
    mid, published, discoveries, links = [], [], 0, 0
    for _ in range(simulations):
        made = cells(*(basket_member(rng) for _ in range(6)))
        found = cotrading.project(made, 6)
        mid.append(found.p_value[found.expected >= TESTABLE])
        published.append(found.p_hypergeometric)
        discoveries += bool((found.q_value <= LEVEL).any())
        links += bool(linked(rng, made, found).any())
    return {
        "mid_p": float(np.mean(np.concatenate(mid) <= LEVEL)),
        "hypergeometric": float(np.mean(np.concatenate(published) <= LEVEL)),
        "any_discovery": discoveries / simulations,
        "any_link": links / simulations,
    }


def _tails(made: Incidence):
    members = int(made.politician.max()) + 1
    tables = member_tables(made)
    pair, one, other = cotrading.shared_stocks(tables, members)
    chance = cotrading.chance_together(tables.probability, tables.times, one, other)
    possible = chance > 0
    keys, group = np.unique(pair[possible], return_inverse=True)
    stocks, _ = cotrading.count_together(made, members, keys)
    return poisson_binomial_tail(chance[possible], group, stocks)


def crowded_weeks(simulations: int = SIMULATIONS) -> tuple[float, float]:
    """Shares that the hypergeometric and the configuration null find in crowded weeks.

    Thirty members trade in the same few weeks, as around a crash, and stocks at random:
    independently.
    """
    rng = np.random.default_rng(20110401)
    rejected = []
    for _ in range(simulations):
        weeks = rng.choice(WEEKS, 4, replace=False)
        made = []
        for _ in range(30):
            stocks, spread = member(rng, bursts=False, portfolios=False)
            crowded = np.where(
                rng.random(len(spread)) < 0.6, rng.choice(weeks, len(spread)), spread
            )
            made.append((stocks, crowded))
        found = cotrading.project(cells(*made), 30)
        testable = found.expected >= TESTABLE
        rejected.append((found.p_hypergeometric <= LEVEL, found.p_value[testable] <= LEVEL))
    return tuple(
        float(np.mean(np.concatenate([pair[test] for pair in rejected]))) for test in (0, 1)
    )


def cotrading_power(count: int, simulations: int = SIMULATIONS) -> tuple[float, float]:
    """Shares of planted pairs found alone at 5 %, and as links among 15 pairs."""
    rng = np.random.default_rng([20110332, count])
    alone = corrected = 0
    for _ in range(simulations):
        members = [member(rng, **WORLDS["and portfolios"]) for _ in range(6)]
        members[1] = copied(rng, members[0], count, 0, members[1])
        made = cells(*members)
        found = cotrading.project(made, 6)
        planted = (found.first == 0) & (found.second == 1)
        alone += bool((found.p_value[planted] <= LEVEL).any())
        corrected += bool(linked(rng, made, found)[planted].any())
    return alone / simulations, corrected / simulations


def activity(rng, persistence: float, mean: float = 1.0):
    """Weekly trade counts whose log rate is an AR(1) process."""
    shocks = rng.normal(size=WEEKS + 60)
    level = np.empty(WEEKS + 60)
    level[0] = shocks[0]
    for week in range(1, WEEKS + 60):
        level[week] = persistence * level[week - 1] + np.sqrt(1 - persistence**2) * shocks[week]
    return level[60:], mean


def counts(rng, level, mean):
    return rng.poisson(mean * np.exp(level - 0.5))


def correlation_rate(
    persistence: float, shared: float = 0.0, simulations: int = 4 * SIMULATIONS
) -> tuple[float, float]:
    """Shares of pairs found correlated at 5 %: by surrogates, and as if weeks were independent."""
    rng = np.random.default_rng([19460101, int(100 * persistence), int(100 * shared)])
    ours = usual = 0
    for number in range(simulations):
        common, mean = activity(rng, persistence)
        series = np.array(
            [
                counts(
                    rng,
                    np.sqrt(shared) * common + np.sqrt(1 - shared) * activity(rng, persistence)[0],
                    mean,
                )
                for _ in range(2)
            ]
        )
        found = pairwise_correlations(
            WeeklySeries(0, series.astype(float), np.ones_like(series)),
            ("a", str(number)),
            most_surrogates=FEW,
        )
        ours += bool(found.p_value[0] <= LEVEL)
        usual += bool(stats.pearsonr(*series).pvalue <= LEVEL)
    return ours / simulations, usual / simulations


def lead_lag_rate(
    world: str, count: int = 0, simulations: int = 4 * SIMULATIONS
) -> tuple[float, float]:
    """Shares of pairs with a lead found at 5 %, and with the planted lead of two weeks found."""
    rng = np.random.default_rng([19760101, list(WORLDS).index(world), count])
    found_any = found_right = tested = 0
    while tested < simulations:
        one, other = (member(rng, **WORLDS[world], mean=60) for _ in range(2))
        made = cells(one, copied(rng, one, count, 2, other) if count else other)
        found = lead_lag(made, ("a", str(tested)), most_surrogates=FEW)
        if np.isnan(found.p_value[0]):
            continue
        tested += 1
        significant = found.p_value[0] <= LEVEL
        found_any += bool(significant)
        found_right += bool(significant and found.lag[0] == 2)
    return found_any / tested, found_right / tested


CHAMBERS = {"100 peers": 100, "30 peers": 30}


def concentration_rate(
    peers: int, shift: float = 0.0, simulations: int = SIMULATIONS
) -> tuple[float, float]:
    """Shares of members found concentrated at 5 %: by the test, and by Fisher's exact test.

    Members' shares are logistic normal, which is not the beta distribution that the test fits.

    Args:
        peers: Members without a seat over the sector.
        shift: What the member with the seat has more, in standard deviations of members.
        simulations: Number of chambers.
    """
    rng = np.random.default_rng([19480101, peers, int(10 * shift)])
    ours = fisher = 0
    jurisdiction = np.zeros((peers + 1, 2), np.bool_)
    jurisdiction[0, 0] = True
    for _ in range(simulations):
        trades = np.clip(np.exp(rng.normal(3, 1.3, peers + 1)), 1, 2000).astype(np.int64)
        trades[0] = max(trades[0], 10)
        tendency = rng.normal(size=peers + 1)
        tendency[0] += shift
        under = rng.binomial(trades, 1 / (1 + np.exp(1.4 - tendency)))
        found = committee_concentration(
            np.column_stack((under, trades - under)),
            jurisdiction,
            np.zeros(peers + 1, np.int64),
        )
        ours += bool(found.p_value[0] <= LEVEL)
        fisher += bool(found.p_fisher[0] <= LEVEL)
    return ours / simulations, fisher / simulations


def communities_rate(planted: bool, simulations: int = SIMULATIONS) -> float:
    """Share of graphs whose communities beat rewired graphs at 5 %."""
    rng = np.random.default_rng([20040101, planted])
    found = 0
    for number in range(simulations):
        if planted:
            graph = nx.planted_partition_graph(3, 8, 0.4, 0.08, seed=number)
        else:
            graph = nx.gnm_random_graph(24, 48, seed=number)
        adjacency = nx.to_numpy_array(graph) > 0
        # 19 graphs are the fewest with which a p-value can be 0.05.
        found += detect_communities(adjacency, rng, 19).p_value <= LEVEL
    return found / simulations


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _cotrading_report() -> Report:
    null = {world: cotrading_null(world) for world in WORLDS}
    basket = baskets()
    crowded, crowded_ours = crowded_weeks()
    rows = [
        (
            f"false positives: {world}",
            _percent(found["randomised"]),
            _percent(found["mid_p"]),
            _percent(found["any_discovery"]),
            _percent(found["any_link"]),
            _percent(found["hypergeometric"]),
        )
        for world, found in null.items()
    ]
    rows += [
        (
            "false positives: members trade baskets of stocks",
            "",
            _percent(basket["mid_p"]),
            _percent(basket["any_discovery"]),
            _percent(basket["any_link"]),
            _percent(basket["hypergeometric"]),
        ),
        (
            "false positives: popular stocks, 30 members trade in the same 4 weeks",
            "",
            _percent(crowded_ours),
            "",
            "",
            _percent(crowded),
        ),
    ]
    power = {count: cotrading_power(count) for count in (2, 4, 8)}
    rows += [
        (
            f"power: {count} trades of the other repeated",
            "",
            _percent(alone),
            "",
            _percent(both),
            "",
        )
        for count, (alone, both) in power.items()
    ]
    return Report(
        "Co-trading",
        f"{SIMULATIONS:,} networks of 6 members and {STOCKS} stocks over {WEEKS} weeks each row. "
        "Members are independent; each of the first three rows adds to the one before. The "
        "randomised p-value is uniform where the null distribution is right, and is no answer's; "
        f"the mid-p-value is that of answers, over pairs with {TESTABLE} co-trades expected or "
        "more. Baskets make the stocks of two members meet together or not at all, which single "
        f"p-values do not know; the correction by {TURNED_NETWORKS} turned networks does. The "
        "hypergeometric null may be wrong in either direction.",
        (
            "",
            "configuration null, randomised p at 5 %",
            "mid-p at 5 %",
            "any pair by Benjamini-Hochberg at 5 %",
            "any link (both corrections), or the planted one",
            "hypergeometric p at 5 %",
        ),
        tuple(rows),
        package_versions("numpy"),
        {
            **{
                f"{world} {name}": (value,)
                for world, found in {**null, "baskets": basket}.items()
                for name, value in found.items()
            },
            **{f"power {count}": value for count, value in power.items()},
            "crowded": (crowded, crowded_ours),
        },
    )


def _reports() -> Iterator[Report]:
    yield _cotrading_report()
    rates = {
        (phi, shared): correlation_rate(phi, shared)
        for phi, shared in ((0.0, 0.0), (0.5, 0.0), (0.8, 0.0), (0.5, 0.3), (0.5, 0.6))
    }
    yield Report(
        "Pairwise correlation",
        f"{4 * SIMULATIONS:,} pairs of members a row, weekly counts over {WEEKS} weeks whose log "
        "rate is an AR(1) process; found at 5 % by block surrogates, and by the usual test, which "
        "takes weeks for independent.",
        ("", "surrogates", "usual test"),
        tuple(
            (
                f"{'power' if shared else 'false positives'}: autocorrelation {phi:.1f}"
                + (f", {100 * shared:.0f} % of the variance in common" if shared else ""),
                *map(_percent, rate),
            )
            for (phi, shared), rate in rates.items()
        ),
        package_versions("numpy", "scipy"),
        {f"{phi} {shared}": rate for (phi, shared), rate in rates.items()},
    )
    leads = {(world, 0): lead_lag_rate(world) for world in WORLDS}
    leads |= {("and portfolios", n): lead_lag_rate("and portfolios", n) for n in (4, 8, 16)}
    yield Report(
        "Lead and lag",
        f"{4 * SIMULATIONS:,} pairs of members a row over {WEEKS} weeks, some 60 trades each; the "
        "maximum over lags of -8 to 8 weeks is tested at 5 %.",
        ("", "any lag found", "the lag of 2 weeks found"),
        tuple(
            (
                f"power: {count} trades repeated after 2 weeks"
                if count
                else f"false positives: {world}",
                _percent(anything),
                _percent(right) if count else "",
            )
            for (world, count), (anything, right) in leads.items()
        ),
        package_versions("numpy"),
        {f"{world} {count}": rate for (world, count), rate in leads.items()},
    )
    concentrations = {
        (name, shift): concentration_rate(peers, shift)
        for name, peers in CHAMBERS.items()
        for shift in (0.0, 1.0, 2.0)
    }
    yield Report(
        "Committees and sectors",
        f"{SIMULATIONS:,} chambers a row whose members' shares of a sector are logistic normal; "
        "the member with the seat is tested at 5 %.",
        ("", "beta-binomial prediction", "Fisher's exact test"),
        tuple(
            (
                f"{f'power: {shift:.0f} standard deviations more' if shift else 'false positives'}"
                f", {name}",
                *map(_percent, rate),
            )
            for (name, shift), rate in concentrations.items()
        ),
        package_versions("numpy"),
        {f"{name} {shift}": rate for (name, shift), rate in concentrations.items()},
    )
    graphs = {planted: communities_rate(planted) for planted in (False, True)}
    yield Report(
        "Communities",
        f"{SIMULATIONS:,} graphs of 24 nodes a row, the modularity tested against 19 rewired "
        "graphs at 5 %. Modularities of small graphs tie, and a tie counts against a finding.",
        ("", "found"),
        (
            ("false positives: 48 links at random", _percent(graphs[False])),
            ("power: three groups, 40 % of links within, 8 % between", _percent(graphs[True])),
        ),
        package_versions("numpy", "networkx"),
        {"random": (graphs[False],), "planted": (graphs[True],)},
    )


def run() -> list[Report]:
    return list(_reports())
