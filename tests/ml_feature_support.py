"""Snapshots of synthetic disclosures, made without Postgres, and what is planted in them."""

import uuid
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from quant.jurisdictions import Sector
from quant.ml.features.feature import FEATURE_VERSION
from quant.ml.layout import SNAPSHOTS, canonical, dataset_id, sha256
from quant.ml.objects import Objects
from quant.ml.snapshot import TABLES

BENCHMARK = "SYNIX"
FIRST_DAY = np.datetime64("2018-01-01")
DATASET = dataset_id(1, FEATURE_VERSION)


def write_snapshot(
    objects: Objects,
    tables: dict[str, pd.DataFrame],
    *,
    benchmark: str | None = BENCHMARK,
    seats_since: date | None = None,
) -> str:
    """Store tables as ``quant.ml.snapshot.take`` does; the identifier of the dataset."""
    import duckdb

    stored = {}
    with TemporaryDirectory() as folder, duckdb.connect() as database:
        for table in TABLES:
            database.register("given", tables[table.name])
            columns = ", ".join(
                f"{each.name}::{each.type} as {each.name}" for each in table.columns
            )
            path = Path(folder, f"{table.name}.parquet")
            database.execute(f"copy (select {columns} from given) to '{path}' (format parquet)")
            key = f"{SNAPSHOTS}/{DATASET}/{table.name}.parquet"
            objects.publish(key, path.read_bytes())
            stored[table.name] = {
                "key": key,
                "rows": len(tables[table.name]),
                "sha256": sha256(path.read_bytes()),
            }
    manifest = {
        "dataset": DATASET,
        "data_version": 1,
        "feature_version": FEATURE_VERSION,
        "benchmark": benchmark,
        "seats_since": seats_since and seats_since.isoformat(),
        "tables": stored,
    }
    objects.publish(f"{SNAPSHOTS}/{DATASET}/manifest.json", canonical(manifest))
    return DATASET


def synthetic_tables(
    *,
    politicians: int = 12,
    tickers: int = 8,
    trades: int = 1500,
    days: int = 900,
    filings: int = 40,
    held: int = 8,
    seed: int = 6,
) -> dict[str, pd.DataFrame]:
    """Disclosures of synthetic politicians, and closes of weekdays with a few missing.

    A politician files on so many days, and of ``held`` tickers.
    """
    rng = np.random.default_rng(seed)
    ids = np.array([str(uuid.UUID(bytes=rng.bytes(16))) for _ in range(politicians)])
    symbols = np.array([f"SYN{number}" for number in range(tickers)])
    sectors = list(Sector)
    return {
        "trades": _trades(
            rng, ids, symbols, trades, rng.integers(100, days, (politicians, filings)), held
        ),
        "politicians": pd.DataFrame(
            {
                "politician_id": ids,
                "chamber": np.where(np.arange(politicians) % 2, "house", "senate"),
                "party": np.where(np.arange(politicians) % 3, "democrat", None),
                "synthetic": True,
            }
        ),
        # The last politician is matched to no member; some begin a second term on the way.
        "terms": pd.DataFrame(
            [
                (
                    ids[n],
                    "house" if n % 4 else "senate",
                    "republican",
                    FIRST_DAY + np.timedelta64(start, "D"),
                )
                for n in range(politicians - 1)
                for start in (-1000 + 100 * n, 200 + 30 * n)
            ],
            columns=["politician_id", "chamber", "party", "start"],
        ),
        "tickers": pd.DataFrame(
            {
                "ticker": symbols,
                "sector": [sectors[n % 4].value if n else None for n in range(tickers)],
            }
        ),
        "seats": pd.DataFrame({"committee_id": ["HSIF01", "HSBA"], "politician_id": ids[[0, 1]]}),
        "prices": _prices(rng, [*symbols[:-1].tolist(), BENCHMARK], days),
    }


def _trades(rng: Any, ids: Any, symbols: Any, n: int, filings: Any, held: int) -> pd.DataFrame:
    who = rng.integers(0, len(ids), n)
    disclosed = FIRST_DAY + filings[who, rng.integers(0, filings.shape[1], n)]
    what = (7 * who + rng.integers(0, held, n)) % len(symbols)
    ticker = np.where(rng.random(n) < 0.1, None, symbols[what])
    return pd.DataFrame(
        {
            "politician_id": ids[who],
            "ticker": ticker,
            "stock": (ticker != None) & (rng.random(n) < 0.9),  # noqa: E711 - element by element
            "side": rng.choice([1, -1, 0], n, p=[0.5, 0.45, 0.05]),
            "transaction_date": disclosed - rng.integers(1, 80, n),
            "disclosure_date": disclosed,
            "amount": rng.choice([8000, 32500, 75000], n),
        }
    ).sort_values(["disclosure_date", "politician_id"], kind="stable", ignore_index=True)


def _prices(rng: Any, symbols: list[str], days: int) -> pd.DataFrame:
    every = FIRST_DAY + np.arange(days - 60)
    weekdays = every[np.is_busday(every)]
    common = rng.normal(3e-4, 0.008, len(weekdays))
    frames = []
    for place, symbol in enumerate(symbols):
        own = 0 if symbol == BENCHMARK else rng.normal(0, 0.012, len(weekdays))
        frame = pd.DataFrame(
            {"ticker": symbol, "day": weekdays, "close": 50 * np.exp(np.cumsum(common + own))}
        )
        if symbol != BENCHMARK:
            # One price is missing; a ticker is listed late, another delisted early.
            frame = frame.drop(index=(90 + 40 * place) % len(weekdays))
            frame = frame.iloc[150:] if place == 1 else frame
            frame = frame.iloc[:-200] if place == 2 else frame
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)
