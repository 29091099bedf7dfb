"""The House Clerk's real indexes as work: each periodic transaction report is fetched once."""

import gzip
import io
import random
import zipfile
from collections import Counter
from datetime import date

import pytest
from import_support import column, scalar
from pipeline_support import worker_database
from sqlalchemy import text
from supervisor.database import APP_ROLE

from quant.pipeline.documents import process
from quant.pipeline.messages import FetchRequest
from quant.pipeline.raw import DocumentKind, RawDocument

pytestmark = pytest.mark.realdata

YEARS = range(2020, 2026)
FILINGS, PTRS = 15_657, 3_463


def index(data_dir, year, day):
    xml = gzip.decompress((data_dir / "house" / f"{year}FD.xml.gz").read_bytes())
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        # The Clerk makes the archive anew each day: the same index in other bytes.
        archive.writestr(zipfile.ZipInfo(f"{year}FD.txt", (2026, 1, day.day, 0, 0, 0)), "")
        archive.writestr(zipfile.ZipInfo(f"{year}FD.xml", (2026, 1, day.day, 0, 0, 0)), xml)
    return RawDocument(DocumentKind.HOUSE_INDEX, day, buffer.getvalue(), {"year": str(year)})


@pytest.fixture(scope="module")
def engine(postgres, migrated_template, role_passwords, data_dir):
    """Indexes of two days, each delivered twice, in random order."""
    documents = [
        index(data_dir, year, date(2026, 1, day)) for year in YEARS for day in (1, 2) for _ in "ab"
    ]
    random.Random(4).shuffle(documents)
    with worker_database(postgres, migrated_template, role_passwords[APP_ROLE]) as engine:
        for document in documents:
            process(document)
        yield engine


def test_each_report_is_one_work_item_and_one_request(engine):
    assert scalar(engine, "select count(*) from work_items") == PTRS
    requests = [
        FetchRequest.model_validate(payload)
        for payload in column(
            engine, "select payload from outbox where topic = 'fetch.requested' order by id"
        )
    ]
    assert len(requests) == len({request.doc_id for request in requests}) == PTRS
    by_year = Counter(request.year for request in requests)
    assert by_year == {2020: 733, 2021: 680, 2022: 624, 2023: 460, 2024: 451, 2025: 515}
    assert scalar(engine, "select count(*) from work_items where filed_date is null") == 0
    assert scalar(engine, "select count(*) from work_items where alias is null") == 0


def test_every_filing_is_counted_by_type(engine):
    with engine.connect() as connection:
        reports = connection.execute(
            text(
                "select rows, rejected, counts from raw_documents where collected_on = '2026-01-01'"
            )
        ).all()
    assert len(reports) == len(YEARS)
    assert sum(report.rows for report in reports) == FILINGS
    assert sum(report.rejected for report in reports) == 0
    counts = sum((Counter(report.counts) for report in reports), Counter())
    del counts["work_items"]
    assert counts["P"] == PTRS
    assert counts.total() == FILINGS
