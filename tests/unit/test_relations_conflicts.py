import gzip

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from quant.analytics import beta_binomial
from quant.analytics.relations.conflicts import committee_concentration, sector_counts
from quant.jurisdictions import JURISDICTIONS, Sector, sectors_of


def chamber_of(members, seed=5):
    """Synthetic counts of 3 sectors; the first third of the members sits over sector 0."""
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet([1.0, 2.0, 3.0], members)
    trades = rng.integers(1, 200, members)
    counts = np.array([rng.multinomial(n, share) for n, share in zip(trades, shares, strict=True)])
    jurisdiction = np.zeros((members, 3), np.bool_)
    jurisdiction[: members // 3, 0] = True
    return counts, jurisdiction, np.zeros(members, np.int64)


def test_sector_counts_leave_out_trades_of_unknown_sector():
    counts = sector_counts(
        np.array([0, 0, 2, 2, 2]), np.array([1, 1, -1, 0, 1]), politicians=3, sectors=2
    )
    assert counts.tolist() == [[0, 2], [0, 0], [1, 1]]


def test_fisher_mid_p_and_odds_equal_scipy():
    counts, jurisdiction, chamber = chamber_of(60)
    found = committee_concentration(counts, jurisdiction, chamber)
    k, n = counts[20:, 0].sum(), counts[20:].sum()
    checked = 0
    for member in np.flatnonzero(~np.isnan(found.p_value)):
        under, trades = counts[member, 0], counts[member].sum()
        law = stats.hypergeom(n + trades, k + under, trades)
        expected = law.sf(under) + law.pmf(under) / 2
        assert found.p_fisher[member] == pytest.approx(expected, rel=1e-8, abs=1e-12)
        table = np.array([[under, trades - under], [k, n - k]]) + 0.5
        odds = table[0, 0] * table[1, 1] / (table[0, 1] * table[1, 0])
        assert found.odds_ratio[member] == pytest.approx(odds, rel=1e-12)
        checked += 1
    assert checked > 15


def test_predictive_p_equals_scipys_beta_binomial_over_the_grid():
    counts, jurisdiction, chamber = chamber_of(60)
    found = committee_concentration(counts, jurisdiction, chamber)
    mean, rho = (
        axis.ravel()[:, None]
        for axis in np.meshgrid(beta_binomial.MEANS, beta_binomial.OVERDISPERSIONS, indexing="ij")
    )
    a, b = mean * (1 / rho - 1), (1 - mean) * (1 / rho - 1)
    theirs, of = counts[20:, 0], counts[20:].sum(axis=1)
    log = stats.betabinom.logpmf(theirs, of, a, b).sum(axis=1)
    weights = np.exp(log - log.max())
    weights /= weights.sum()
    for member in (0, 3, 7):
        k, n = counts[member, 0], counts[member].sum()
        law = stats.betabinom(n, a[:, 0], b[:, 0])
        expected = weights @ (law.sf(k) + law.pmf(k) / 2)
        assert found.p_value[member] == pytest.approx(expected, rel=1e-7)
        assert found.baseline[member] == pytest.approx(weights @ mean[:, 0], rel=1e-7)


def test_intervals_and_q_values_equal_statsmodels():
    counts, jurisdiction, chamber = chamber_of(60)
    found = committee_concentration(counts, jurisdiction, chamber)
    low, high = proportion_confint(found.under, found.trades, method="wilson")
    np.testing.assert_allclose(found.share_low, low, atol=1e-12)
    np.testing.assert_allclose(found.share_high, high, atol=1e-12)
    tested = ~np.isnan(found.p_value)
    np.testing.assert_allclose(
        found.q_value[tested], multipletests(found.p_value[tested], method="fdr_bh")[1], atol=1e-12
    )
    assert (found.null_low[tested] <= found.baseline[tested]).all()
    assert (found.baseline[tested] <= found.null_high[tested]).all()


def test_peers_are_of_the_same_chamber_and_without_a_seat_over_the_sectors():
    counts, jurisdiction, chamber = chamber_of(60)
    chamber[40:] = 1
    found = committee_concentration(counts, jurisdiction, chamber, min_peers=1)
    assert set(found.peers[:20][found.trades[:20] >= 10]) == {20}
    changed = counts.copy()
    changed[40:] = changed[40:, ::-1]
    again = committee_concentration(changed, jurisdiction, chamber, min_peers=1)
    np.testing.assert_array_equal(found.p_value[:20], again.p_value[:20])


def test_nothing_is_tested_without_jurisdiction_trades_or_peers():
    counts, jurisdiction, chamber = chamber_of(60)
    assert np.isnan(committee_concentration(counts, jurisdiction, chamber).p_value[20:]).all()
    few = committee_concentration(counts, jurisdiction, chamber, min_peers=41)
    assert np.isnan(few.p_value).all()
    assert few.peers[found_first(few)] == 40
    scarce = committee_concentration(counts // 40, jurisdiction, chamber)
    assert np.isnan(scarce.p_value[scarce.trades < 10]).all()
    none = committee_concentration(
        np.zeros((0, 3), np.int64), np.zeros((0, 3), np.bool_), np.zeros(0, np.int64)
    )
    assert len(none.p_value) == 0
    idle = committee_concentration(np.zeros((30, 3), np.int64), jurisdiction[:30], chamber[:30])
    assert np.isnan(idle.share).all()
    assert np.isnan(idle.p_value).all()


def found_first(found):
    return int(np.flatnonzero(found.peers)[0])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 40))
def test_more_trades_under_the_committees_never_raise_the_p_value(seed, extra):
    counts, jurisdiction, chamber = chamber_of(45, seed)
    counts[0] = [20, 40, 0]
    more = counts.copy()
    more[0] = [20 + extra, 40 - extra, 0]
    before = committee_concentration(counts, jurisdiction, chamber).p_value[0]
    after = committee_concentration(more, jurisdiction, chamber).p_value[0]
    assert 0 <= after <= before <= 1


def test_a_seat_on_a_subcommittee_counts_as_one_on_its_committee():
    assert sectors_of(["HSAG15"]) == sectors_of(["HSAG"]) == {Sector.CONSUMER_STAPLES}
    assert sectors_of(["HSBA", "HSAS02"]) == {
        Sector.FINANCIALS,
        Sector.REAL_ESTATE,
        Sector.INDUSTRIALS,
    }
    assert sectors_of(["HSAP", "JSEC", ""]) == frozenset()


@pytest.mark.realdata
def test_every_committee_of_the_table_exists_under_its_chamber(data_dir):
    path = data_dir / "legislators" / "committees-current.yaml.gz"
    entries = yaml.safe_load(gzip.decompress(path.read_bytes()))
    types = {entry["thomas_id"]: entry["type"] for entry in entries}
    for committee, jurisdiction in JURISDICTIONS.items():
        assert jurisdiction.rule.lower().startswith(types[committee])
        assert jurisdiction.sectors
