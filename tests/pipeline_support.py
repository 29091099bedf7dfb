"""Raw documents for tests, and a database of its own that ``process`` writes to."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest
from import_support import TABLES, fresh_engine
from senate_support import ptr_page, search_page, search_row
from sqlalchemy import Engine, text
from supervisor.database import APP_ROLE, ensure_database
from synthetic_ptr import PtrLine, ptr_pdf

import quant.db.session
import quant.settings
from quant.db import alert_models, pipeline_models  # noqa: F401 - register their tables
from quant.db.models import Base
from quant.pipeline.raw import DocumentKind, RawDocument

DAY = date(2025, 3, 1)

# Everything that documents decide; when they were processed is not of it.
_DUMPED = {
    **dict.fromkeys((*TABLES, "filing_lines", "reference_documents"), "t::text"),
    "filing_documents": "t::text",
    "work_items": "(to_jsonb(t) - 'created_at')::text",
}


def dump_hash(engine: Engine) -> str:
    """SHA-256 of every row of every table that documents decide, in one order."""
    return hashlib.sha256(json.dumps(full_dump(engine)).encode()).hexdigest()


def full_dump(engine: Engine) -> dict[str, list[str]]:
    """Every row of every table that documents decide."""
    with engine.connect() as connection:
        return {
            table: list(
                connection.scalars(text(f'select {row} collate "C" from {table} t order by 1'))
            )
            for table, row in _DUMPED.items()
        }


def empty(engine: Engine) -> None:
    """Take everything out of a database but its schema."""
    with engine.begin() as connection:
        names = ", ".join(
            table.name
            for table in Base.metadata.sorted_tables
            if not table.name.startswith("audit")
        )
        connection.execute(text(f"truncate {names} restart identity"))
        connection.execute(text("insert into data_version default values"))


def worker_environment(engine: Engine) -> dict[str, str]:
    """Variables of a worker on this database."""
    return {
        "QUANT_ENVIRONMENT": "local",
        "QUANT_DATABASE_HOST": "127.0.0.1",
        "QUANT_DATABASE_PORT": str(engine.url.port),
        "QUANT_DATABASE_NAME": str(engine.url.database),
        "QUANT_DATABASE_SECRET_ARN": "database",
        "QUANT_DATABASE_TLS": "false",
    }


def _forget() -> None:
    if quant.db.session.engine.cache_info().currsize:
        quant.db.session.engine().dispose()
    quant.db.session.engine.cache_clear()
    quant.settings.database_settings.cache_clear()


@contextmanager
def working_on(engine: Engine, password: str) -> Iterator[None]:
    """Let this process be a worker on a database, with the rights of the application."""
    secret = json.dumps({"username": APP_ROLE, "password": password})
    with pytest.MonkeyPatch.context() as patch:
        for name, value in worker_environment(engine).items():
            patch.setenv(name, value)
        patch.setattr(quant.settings, "read_secret", lambda _: secret)
        _forget()
        try:
            yield
        finally:
            _forget()


@contextmanager
def worker_database(postgres: Any, template: str, password: str) -> Iterator[Engine]:
    """A migrated database of its own for the worker that this process is meanwhile.

    The engine handed out is the superuser's, to look at what the worker did.
    """
    with fresh_engine(postgres, template) as engine:
        ensure_database(postgres, str(engine.url.database))
        with engine.begin() as connection:
            connection.execute(
                text(f'grant temporary on database "{engine.url.database}" to {APP_ROLE}')
            )
        with working_on(engine, password):
            yield engine


def house_ptr(
    doc_id: str, *lines: PtrLine, day: date = DAY, signed: str = "01/27/2025", **changes: Any
) -> RawDocument:
    content = ptr_pdf(lines or (PtrLine(),), doc_id=doc_id, signed=signed, **changes)
    return RawDocument(
        DocumentKind.HOUSE_PTR, day, content, {"doc-id": doc_id, "url": house_url(doc_id)}
    )


def house_url(doc_id: str) -> str:
    return f"https://disclosures-clerk.house.gov/public_disc/ptr-pdfs/2025/{doc_id}.pdf"


def house_index(
    filed: Mapping[str, str],
    *,
    name: tuple[str, str] = ("Synthetic", "Member"),
    district: str = "ZZ01",
    day: date = DAY,
) -> RawDocument:
    """A House index of PTRs with their days of filing, by document id."""
    members = "".join(
        "<Member><Prefix>Hon.</Prefix>"
        f"<Last>{name[1]}</Last><First>{name[0]}</First><Suffix/><FilingType>P</FilingType>"
        f"<StateDst>{district}</StateDst><Year>2025</Year><FilingDate>{on}</FilingDate>"
        f"<DocID>{doc_id}</DocID></Member>"
        for doc_id, on in filed.items()
    )
    content = f"<FinancialDisclosure>{members}</FinancialDisclosure>".encode()
    return RawDocument(DocumentKind.HOUSE_INDEX, day, content, {"year": "2025"})


def senate_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


def senate_ptr(
    number: int, *lines: Mapping[str, str], day: date = DAY, **changes: Any
) -> RawDocument:
    content = ptr_page(lines or ({},), **changes)
    return RawDocument(DocumentKind.SENATE_PTR, day, content, {"doc-id": senate_id(number)})


def senate_index(*numbers: int, day: date = DAY, **changes: Any) -> RawDocument:
    rows: Sequence[object] = [search_row(senate_id(number), **changes) for number in numbers]
    return RawDocument(DocumentKind.SENATE_INDEX, day, search_page(rows))
