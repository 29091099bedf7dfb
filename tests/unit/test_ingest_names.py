import csv
import gzip
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from quant.ingest.names import (
    KNOWN_ALIASES,
    Member,
    Roster,
    first_and_last,
    normalise_name,
    parse_alias,
    parse_state_district,
)
from quant.vocabulary import Chamber

# Every name in the real files with the member it was checked by eye to belong to; members who
# have left Congress are not in the legislators file and must stay unmatched.
FILER_NAMES = Path(__file__).with_name("ingest_filer_names.csv")

SENATOR = [{"type": "sen", "state": "ZZ"}]
HOUSE_MEMBER = [{"type": "rep", "state": "FL", "district": 2}]


def roster(*records) -> Roster:
    return Roster(Member.from_record(*record) for record in records)


def senators(**names) -> Roster:
    return roster(("S000001", names, SENATOR))


@pytest.mark.parametrize(
    ("name", "alias"),
    [
        ("Kim Dr Schrier", "kim schrier"),
        ("Neal Patrick MD, Facs Dunn", "neal patrick dunn"),
        ("Scott Scott Franklin", "scott franklin"),
        ("Joseph Manchin, Iii", "joseph manchin"),
        ("David A Perdue , Jr", "david a perdue"),
        ("Jerry Moran,", "jerry moran"),
        ("Michael  B Enzi", "michael b enzi"),
        ('Robert C. "Bobby" Scott', "robert c (bobby) scott"),
        ("Rafael Edward (Ted) Cruz", "rafael edward (ted) cruz"),
        ("Ben Ray Luj\u00e1n", "ben ray lujan"),
        ("Cindy Hyde-Smith", "cindy hyde smith"),
        ("Beto O\u2019Rourke", "beto orourke"),
        ("Dr. Mr. Jr.", ""),
        ("()", ""),
    ],
)
def test_alias(name, alias) -> None:
    assert normalise_name(name) == alias


@given(st.text(max_size=60))
def test_alias_is_its_own_alias(name) -> None:
    alias = normalise_name(name)
    assert normalise_name(alias) == alias
    assert not alias or parse_alias(normalise_name(name, "ZZ")).state == "ZZ"


def test_state_district() -> None:
    assert parse_state_district("NJ07") == ("NJ", 7)
    assert parse_state_district("AK00") == ("AK", 0)
    assert parse_state_district("New Jersey") == (None, None)


def test_display_name_words() -> None:
    assert first_and_last("David A Perdue, Jr") == ("David", "Perdue")
    assert first_and_last("Jr") == ("Jr", "Jr")


@pytest.mark.parametrize(
    "name",
    ["Ann Doe", "Ann B Doe", "Ann Beth Doe", "Annie Doe", "Ann (Annie) Doe", "A. Annie Doe"],
)
def test_given_names_match(name) -> None:
    found = senators(first="Ann", middle="Beth", nickname="Annie", last="Doe")
    assert found.match(Chamber.SENATE, normalise_name(name)) == "S000001"


@pytest.mark.parametrize(
    "name",
    ["Doe", "A Doe", "Bob Doe", "Ann C Doe", "Ann Carol Doe", "Ann Dole", "Ann Doe Smith"],
)
def test_doubtful_names_do_not_match(name) -> None:
    found = senators(first="Ann", middle="Beth", last="Doe")
    assert found.match(Chamber.SENATE, normalise_name(name)) is None


def test_short_forms_match_both_ways() -> None:
    assert senators(first="Bill", last="Doe").match(Chamber.SENATE, "william doe") == "S000001"
    assert senators(first="William", last="Doe").match(Chamber.SENATE, "bill doe") == "S000001"


def test_last_name_of_several_words_must_be_whole() -> None:
    found = senators(first="Chris", last="Van Hollen")
    assert found.match(Chamber.SENATE, "chris van hollen") == "S000001"
    assert found.match(Chamber.SENATE, "chris hollen") is None


def test_two_members_that_fit_match_neither() -> None:
    both = roster(
        ("S000001", {"first": "Tim", "last": "Scott"}, SENATOR),
        ("S000002", {"first": "Timothy", "last": "Scott"}, SENATOR),
    )
    assert both.match(Chamber.SENATE, "tim scott") is None


def test_house_needs_a_seat_in_the_state() -> None:
    found = roster(("D000001", {"first": "Neal", "last": "Dunn"}, HOUSE_MEMBER))
    assert found.match(Chamber.HOUSE, "neal dunn, fl") == "D000001"
    assert found.match(Chamber.HOUSE, "neal dunn, ga") is None
    assert found.match(Chamber.HOUSE, "neal dunn") is None
    assert found.match(Chamber.SENATE, "neal dunn") is None


def test_other_names_match() -> None:
    names = {"first": "Ann", "last": "Doe", "other_names": [{"last": "Miller"}]}
    assert senators(**names).match(Chamber.SENATE, "ann miller") == "S000001"


def test_known_alias_needs_its_member_in_the_roster() -> None:
    assert KNOWN_ALIASES[Chamber.SENATE, "rafael e cruz"] == "C001098"
    assert senators(first="Ann", last="Doe").match(Chamber.SENATE, "rafael e cruz") is None


@pytest.mark.realdata
def test_every_real_filer_matches_the_right_member(data_dir) -> None:
    path = data_dir / "legislators" / "legislators-current.yaml.gz"
    legislators = yaml.load(gzip.decompress(path.read_bytes()), Loader=yaml.CSafeLoader)
    members = roster(*((e["id"]["bioguide"], e["name"], e["terms"]) for e in legislators))
    with FILER_NAMES.open(newline="") as file:
        expected = list(csv.DictReader(file))
    assert len(expected) == 199
    for row in expected:
        state, _ = parse_state_district(row["state_district"])
        alias = normalise_name(row["name"], state)
        assert members.match(Chamber(row["chamber"]), alias) == (row["bioguide_id"] or None), row
