"""The check for look-ahead: it passes what is declared, and names what is planted."""

from datetime import date

import pytest
from ml_feature_support import DATASET, synthetic_tables, write_snapshot

from quant.errors import NotFoundError
from quant.ml.catalogue import Subject
from quant.ml.features import lookahead
from quant.ml.features.declared import FEATURES, Feature, Part
from quant.ml.features.lookahead import LookAheadError, check
from quant.ml.features.rows import ROWS, Rows
from quant.ml.objects import Folder

DAYS = [date(2018, 9, 1), date(2019, 2, 14), date(2019, 12, 20)]
DISCLOSURE = {Subject.DISCLOSURE: FEATURES[Subject.DISCLOSURE]}


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    folder = Folder(tmp_path_factory.mktemp("objects"))
    write_snapshot(folder, synthetic_tables(), seats_since=date(2019, 6, 3))
    return folder


def planted(name, sql):
    return Feature(
        name=name,
        title="Planted",
        formula="Looks at the future.",
        as_of_rule="None.",
        sql=f"{name}.value",
        part=Part(name, sql),
    )


# What a careless author might write, each with the subjects that it can be written for.
PLANTED = {
    "return_ahead": (
        (Subject.DISCLOSURE, Subject.TICKER_PAIR),
        "select row_id, b.close / a.close - 1 as value from subject_rows r"
        " asof join closes a on a.ticker = r.ticker and a.day <= r.as_of"
        " join closes b on b.ticker = r.ticker and b.d = a.d + 21",
    ),
    "next_close": (
        (Subject.DISCLOSURE,),
        "select row_id, c.close as value from subject_rows r"
        " asof join closes c on c.ticker = r.ticker and c.day > r.as_of",
    ),
    "trades_of_the_next_days": (
        tuple(Subject),
        "select row_id, count(*) as value from subject_rows r join trades t using (politician_id)"
        " where t.disclosure_date - r.as_of between 1 and 30 group by row_id",
    ),
    # Made before the day, but not yet disclosed.
    "trades_by_day_of_transaction": (
        tuple(Subject),
        "select row_id, count(*) as value from subject_rows r join trades t using (politician_id)"
        " where t.transaction_date <= r.as_of group by row_id",
    ),
    # Normalised with a mean over all days.
    "share_of_all": (
        (Subject.POLITICIAN,),
        "select row_id, p.trades_7 / a.mean as value from politician p, (select avg(trades) as mean"
        " from politician_days) a",
    ),
}


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_no_declared_feature_looks_ahead(objects, day):
    check(objects, DATASET, day)


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_future_column_is_named(objects, name):
    subjects, sql = PLANTED[name]
    features = {subject: (*FEATURES[subject], planted(name, sql)) for subject in subjects}
    with pytest.raises(LookAheadError, match=name) as caught:
        check(objects, DATASET, DAYS[1], features=features)
    assert caught.value.moved == {subject.value: (name,) for subject in subjects}


def test_an_outcome_that_is_said_to_be_known_too_early_is_named(objects, monkeypatch):
    early = ROWS[Subject.DISCLOSURE].sql.replace(
        "*", "* replace (as_of + 1 as abnormal_return_21_known_on)"
    )
    rows = Rows(early, ROWS[Subject.DISCLOSURE].labels)
    monkeypatch.setitem(ROWS, Subject.DISCLOSURE, rows)
    with pytest.raises(LookAheadError) as caught:
        check(objects, DATASET, DAYS[1], features=DISCLOSURE)
    assert caught.value.moved == {"disclosure": ("abnormal_return_21",)}


def test_a_list_of_rows_that_knows_the_future_is_named(objects, monkeypatch):
    busy = (
        "select * from disclosures semi join (select ticker from ticker_days group by ticker"
        " having max(amount) > 200000) using (ticker)"
    )
    rows = Rows(busy, ROWS[Subject.DISCLOSURE].labels)
    monkeypatch.setitem(ROWS, Subject.DISCLOSURE, rows)
    with pytest.raises(LookAheadError) as caught:
        check(objects, DATASET, DAYS[0], features=DISCLOSURE)
    assert lookahead.ROW_LIST in caught.value.moved["disclosure"]


def test_a_day_before_all_data_has_nothing_to_check(objects):
    check(objects, DATASET, date(1999, 1, 1))


def test_without_a_snapshot_there_is_nothing_to_check(tmp_path):
    with pytest.raises(NotFoundError):
        check(Folder(tmp_path), DATASET, DAYS[0])
