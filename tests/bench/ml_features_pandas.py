"""The features of disclosures as one would write them in pandas: what ours are measured beside."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from quant.vocabulary import Chamber, Party, Sector

HORIZONS = (21, 63)


def disclosure_features(snapshot: Path, benchmark: str) -> pd.DataFrame:
    """Features and outcomes of a politician's trades of a stock disclosed on one day."""
    tables = {path.stem: pd.read_parquet(path) for path in snapshot.glob("*.parquet")}
    trades, prices = tables["trades"], tables["prices"]
    for name, column in (
        ("trades", "disclosure_date"),
        ("trades", "transaction_date"),
        ("prices", "day"),
        ("terms", "start"),
    ):
        tables[name][column] = pd.to_datetime(tables[name][column])
    wide = prices.pivot(index="day", columns="ticker", values="close")
    wide = wide[wide[benchmark].notna()]
    rows = _rows(trades, wide).merge(tables["tickers"], on="ticker", how="left")
    rows = _outcomes(rows, wide, benchmark)
    rows = _record(rows)
    rows = _counts(rows, trades)
    rows = _market(rows, wide, benchmark)
    rows = _profile(rows, tables["politicians"], tables["terms"])
    rows["sector_code"] = _codes(rows.sector, Sector)
    rows["committee_over_sector"] = np.nan  # no list of seats was collected
    rows["month"] = rows.as_of.dt.month.astype(float)
    return rows.sort_values(["as_of", "politician_id", "ticker"], ignore_index=True)


def _rows(trades: pd.DataFrame, wide: pd.DataFrame) -> pd.DataFrame:
    lines = trades[trades.stock & (trades.side != 0) & trades.ticker.notna()]
    lines = lines.assign(
        purchases=lines.side == 1,
        lag=(lines.disclosure_date - lines.transaction_date).dt.days,
    )
    rows = (
        lines.groupby(["politician_id", "ticker", "disclosure_date"], sort=False)
        .agg(
            purchases=("purchases", "sum"),
            lines=("side", "size"),
            amount=("amount", "sum"),
            disclosure_lag=("lag", "mean"),
        )
        .reset_index()
        .rename(columns={"disclosure_date": "as_of"})
    )
    first = wide.apply(pd.Series.first_valid_index)
    rows = rows[rows.as_of >= rows.ticker.map(first)].copy()
    rows["side"] = (2 * rows.purchases - rows.lines) / rows.lines
    rows["log_amount"] = np.log(rows.amount)
    rows["lines"] = rows.lines.astype(float)
    return rows


def _outcomes(rows: pd.DataFrame, wide: pd.DataFrame, benchmark: str) -> pd.DataFrame:
    close = wide.to_numpy()
    missing = np.cumsum(np.isnan(close), axis=0)
    entry = wide.index.searchsorted(rows.as_of, side="right")
    column = wide.columns.get_indexer(rows.ticker)
    index = wide.columns.get_loc(benchmark)
    early = (rows.as_of < wide.index[0]).to_numpy()
    for horizon in HORIZONS:
        end = entry + horizon
        inside = ~early & (end < len(wide))
        at, to = np.where(inside, entry, 0), np.where(inside, end, 0)
        whole = inside & ~np.isnan(close[at, column])
        whole &= missing[to, column] == missing[at, column]
        grown = close[to, column] / close[at, column] - close[to, index] / close[at, index]
        rows[f"abnormal_return_{horizon}"] = np.where(whole, grown, np.nan)
        known_on = pd.Series(wide.index[to], index=rows.index)
        rows[f"abnormal_return_{horizon}_known_on"] = known_on.where(whole)
    return rows


def _record(rows: pd.DataFrame) -> pd.DataFrame:
    known = rows[rows.abnormal_return_21.notna() & (rows.side != 0)]
    known = known.assign(value=known.abnormal_return_21 * np.sign(known.side))
    days = (
        known.groupby(["politician_id", "abnormal_return_21_known_on"])
        .value.agg(["sum", "size"])
        .groupby("politician_id")
        .cumsum()
        .reset_index()
        .rename(columns={"abnormal_return_21_known_on": "as_of"})
        .sort_values("as_of")
    )
    rows = pd.merge_asof(rows.sort_values("as_of"), days, on="as_of", by="politician_id")
    mean = rows["sum"] / rows["size"]
    rows["politician_abnormal_return_21"] = mean.where(rows["size"] >= 5)
    return rows.drop(columns=["sum", "size"])


def _daily(trades: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    """Trades, purchases and sales by key and day of disclosure."""
    return (
        trades.assign(purchases=trades.side == 1, sales=trades.side == -1)
        .groupby([*key, "disclosure_date"])
        .agg(trades=("side", "size"), purchases=("purchases", "sum"), sales=("sales", "sum"))
        .reset_index()
        .rename(columns={"disclosure_date": "as_of"})
    )


def _windows(daily: pd.DataFrame, key: list[str], wanted: dict[int, list[str]]) -> pd.DataFrame:
    """Sums over the days up to each day: ``<measure>_<days>``."""
    result = daily[[*key, "as_of"]].copy()
    for days, measures in wanted.items():
        rolled = daily.groupby(key, sort=True).rolling(f"{days}D", on="as_of")[measures].sum()
        for measure in measures:
            # Both are in the order of key and day.
            result[f"{measure}_{days}"] = rolled[measure].to_numpy()
    return result


def _counts(rows: pd.DataFrame, trades: pd.DataFrame) -> pd.DataFrame:
    everything = ["trades", "purchases", "sales"]
    daily = _daily(trades, ["politician_id"])
    own = _windows(daily, ["politician_id"], {30: ["trades"], 90: ["trades"], 365: everything})
    own["lines_that_day"] = daily.trades.astype(float)
    rows = rows.merge(own, on=["politician_id", "as_of"], how="left")
    rows = rows.rename(columns={f"trades_{n}": f"politician_trades_{n}" for n in (30, 90, 365)})
    sides = rows.purchases_365 + rows.sales_365
    rows["politician_purchase_share_365"] = rows.purchases_365 / sides.where(sides > 0)
    rows = rows.drop(columns=["purchases_365", "sales_365"])
    key = ["politician_id", "ticker"]
    traded = trades[trades.ticker.notna()]
    daily = _daily(traded, key)
    pair = _windows(daily, key, {30: ["trades"], 90: everything, 365: ["trades"]})
    pair["days_since_pair"] = daily.groupby(key).as_of.diff().dt.days
    rows = rows.merge(pair, on=[*key, "as_of"], how="left")
    rows = rows.rename(columns={"trades_365": "pair_trades_365"})
    daily = _daily(traded, ["ticker"])
    all_of_ticker = _windows(daily, ["ticker"], {30: ["trades"], 90: everything})
    rows = rows.merge(all_of_ticker, on=["ticker", "as_of"], how="left", suffixes=("", "_all"))
    for days in (30, 90):
        rows[f"others_trades_{days}"] = rows[f"trades_{days}_all"] - rows[f"trades_{days}"]
    rows["others_net_90"] = (
        rows.purchases_90_all - rows.purchases_90 - rows.sales_90_all + rows.sales_90
    )
    return rows


def _market(rows: pd.DataFrame, wide: pd.DataFrame, benchmark: str) -> pd.DataFrame:
    returns = np.log(wide).diff()
    features: dict[str, Any] = {
        f"momentum_{days}": wide / wide.shift(days) - 1 for days in (21, 63, 126, 252)
    }
    for days in (21, 63):
        rolled = returns.rolling(days, min_periods=-(-2 * days // 3))
        features[f"volatility_{days}"] = rolled.std()
    index = pd.DataFrame(
        {
            "as_of": wide.index,
            "benchmark_return_63": features["momentum_63"][benchmark].to_numpy(),
            "benchmark_volatility_63": features["volatility_63"][benchmark].to_numpy(),
        }
    )
    stacked = pd.concat(
        [each.where(wide.notna()).stack().rename(name) for name, each in features.items()], axis=1
    )
    # A price without any of the features is a price all the same.
    there = wide.stack().dropna().index
    stacked = stacked.reindex(there).reset_index()
    stacked = stacked.rename(columns={"day": "as_of"}).sort_values("as_of")
    stale = pd.Timedelta(days=7)
    rows = rows.sort_values("as_of")
    rows = pd.merge_asof(rows, stacked, on="as_of", by="ticker", tolerance=stale)
    return pd.merge_asof(rows, index, on="as_of", tolerance=stale)


def _profile(rows: pd.DataFrame, politicians: pd.DataFrame, terms: pd.DataFrame) -> pd.DataFrame:
    first = terms.groupby("politician_id").start.min().rename("first_start")
    terms = terms.rename(columns={"start": "as_of"}).assign(begun=True).sort_values("as_of")
    rows = pd.merge_asof(rows.sort_values("as_of"), terms, on="as_of", by="politician_id")
    rows = rows.merge(politicians, on="politician_id", suffixes=("", "_present"))
    rows = rows.merge(first, on="politician_id", how="left")
    rows["chamber"] = _codes(rows.chamber.fillna(rows.chamber_present), Chamber)
    rows["party"] = _codes(rows.party.fillna(rows.party_present), Party)
    years = (rows.as_of - rows.first_start).dt.days / 365.25
    rows["seniority"] = years.where(rows.begun.notna())
    return rows


def _codes(column: pd.Series, categories: Any) -> Any:
    return column.map({str(name): float(code) for code, name in enumerate(categories)})
