import pytest
from simulate_anomalies import alike_lateness, bursts, combination, delays, lateness, sizes, timing

LOW, HIGH = 0.035, 0.065


@pytest.mark.parametrize("ties", [False, True])
def test_unusual_sizes_are_not_found_where_there_are_none(ties):
    member, smoothed, against = sizes(0, ties)
    assert LOW <= member <= HIGH
    assert LOW <= smoothed <= HIGH
    # What counts against a trade makes its p-value larger, never smaller.
    assert against <= HIGH


def test_planted_sizes_are_found():
    member, _, _, discovered = sizes(10)
    assert member > 0.6
    assert discovered > 0.3


def test_timing_is_not_found_where_there_is_none():
    member, single = timing(0.0)
    assert LOW <= member <= HIGH
    assert LOW <= single <= HIGH


def test_purchases_before_jumps_are_found():
    assert timing(0.15)[0] > 0.6


def test_bursts_are_not_found_where_there_are_none():
    assert LOW <= bursts(0) <= HIGH


def test_planted_bursts_are_found():
    assert bursts(8) > 0.6


def test_late_filing_is_not_found_where_peers_differ_as_much():
    found, naive = lateness(None)
    assert LOW <= found <= HIGH
    # A draw from all filings is too narrow a null: why it is not the test.
    assert naive > 0.1
    assert LOW <= alike_lateness() <= HIGH
    assert LOW <= delays(0) <= HIGH


def test_planted_late_filers_are_found():
    assert lateness(0.5)[0] > 0.6
    assert delays(1) > 0.6


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.6])
def test_the_combination_keeps_its_level(correlation):
    assert LOW <= combination(correlation) <= HIGH


def test_the_combination_finds_what_one_detector_finds():
    assert combination(0.0, 3.0) > 0.6
