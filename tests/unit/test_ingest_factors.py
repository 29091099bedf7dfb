from datetime import date
from pathlib import Path

import pytest

from quant.ingest.factors import Factors, read_factors
from quant.ingest.files import SourceFile, UnreadableFileError
from quant.ingest.vocabulary import RejectReason

MONTHLY = """This file was created by CMPT_ME_BEME_RETS using the 202212 CRSP database.
The 1-month TBill return is from Ibbotson and Associates, Inc.

,Mkt-RF,SMB,HML,RF
192607,    2.96,   -2.56,   -2.43,    0.22
202002,   -8.13,    1.07,   -3.80,    0.12
202003,  -99.99,   -4.84,  -13.96,    0.13

 Annual Factors: January-December
,Mkt-RF,SMB,HML,RF
  1927,   29.47,   -2.04,   -4.54,    3.12

Copyright 2022 Kenneth R. French
"""

DAILY = """This file was created by CMPT_ME_BEME_RETS_DAILY using the 202212 CRSP database.

,Mkt-RF,SMB,HML,RF
19260701,    0.10,   -0.25,   -0.27,   0.009
20200316,  -12.00,   -0.21,   -1.35,   0.006

Copyright 2022 Kenneth R. French
"""


def read(content: str):
    return read_factors(SourceFile(Path("factors.csv"), content.encode(), "0" * 64))


def test_monthly_rows_are_of_the_last_day_and_years_are_left_out() -> None:
    file = read(MONTHLY)
    assert file.factors == [
        Factors("monthly", date(1926, 7, 31), 0.0296, -0.0256, -2.43 / 100, 0.0022),
        Factors("monthly", date(2020, 2, 29), -8.13 / 100, 1.07 / 100, -3.8 / 100, 0.0012),
    ]
    [(reason, raw)] = file.rejects
    assert reason is RejectReason.FACTORS_MISSING
    assert raw["period"] == "202003"


def test_daily_rows_are_fractions() -> None:
    assert read(DAILY).factors == [
        Factors("daily", date(1926, 7, 1), 0.001, -0.0025, -0.0027, 0.009 / 100),
        Factors("daily", date(2020, 3, 16), -0.12, -0.0021, -1.35 / 100, 0.006 / 100),
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("20200317,1,2,3", RejectReason.ROW_MALFORMED),
        ("20200317,1,2,3,4,5", RejectReason.ROW_MALFORMED),
        ("20200230,1,2,3,0", RejectReason.DAY_UNREADABLE),
        ("19260630,1,2,3,0", RejectReason.DAY_UNREADABLE),
        ("29990101,1,2,3,0", RejectReason.DAY_UNREADABLE),
        ("2020,1,2,3,0", RejectReason.DAY_UNREADABLE),
        ("20200317,x,2,3,0", RejectReason.FACTORS_UNREADABLE),
        ("20200317,nan,2,3,0", RejectReason.FACTORS_UNREADABLE),
        ("20200317,-100,2,3,0", RejectReason.FACTORS_UNREADABLE),
        ("20200317,1,2,-999,0", RejectReason.FACTORS_MISSING),
        ("20200316,1,2,3,0", RejectReason.DAY_REPEATED),
    ],
)
def test_rows_that_cannot_be_read_have_a_reason(row: str, reason: RejectReason) -> None:
    file = read(DAILY.replace("\n\nCopyright", f"\n{row}\n\nCopyright"))
    assert len(file.factors) == 2
    assert [found for found, _ in file.rejects] == [reason]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "has no line"),
        ("date,ticker\n1,2\n", "has no line"),
        (DAILY.replace("20200316", "202003"), "mixes days and months"),
    ],
)
def test_other_files_are_refused(content: str, why: str) -> None:
    with pytest.raises(UnreadableFileError, match=why):
        read(content)
