"""One prediction as answers show it."""

import math
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Select, select

from quant.db.ml_models import Prediction
from quant.db.models import Politician

# Attributions shown of a prediction; the others are summed.
SHOWN_ATTRIBUTIONS: Final = 5

POLITICIAN_COLUMNS: Final = (
    Politician.bioguide_id,
    Politician.full_name,
    Politician.chamber,
    Politician.party,
    Politician.state,
    Politician.synthetic,
)
COLUMNS: Final = (
    Prediction.id,
    Prediction.model,
    Prediction.version,
    Prediction.as_of,
    Prediction.closes_on,
    Prediction.politician_id,
    Prediction.ticker,
    Prediction.sector,
    Prediction.value,
    Prediction.lower,
    Prediction.upper,
    Prediction.baselines,
    Prediction.base_value,
    Prediction.attributions,
    Prediction.dataset,
    Prediction.made_at,
    Prediction.outcome,
    Prediction.outcome_on,
    Prediction.outcome_missing,
    *POLITICIAN_COLUMNS,
)


def stored() -> Select[*tuple[Any, ...]]:
    """Return the query of stored predictions with their politicians."""
    return select(*COLUMNS).join(Politician, Politician.id == Prediction.politician_id)


def prediction(row: Any) -> dict[str, Any]:
    """Return a row of ``stored`` as answers show it."""
    return {
        "id": row.id,
        "model": row.model,
        "version": row.version,
        "as_of": row.as_of,
        "closes_on": row.closes_on,
        "politician": politician(row.politician_id, row),
        "ticker": row.ticker,
        "sector": row.sector,
        "value": row.value,
        "lower": row.lower,
        "upper": row.upper,
        "baselines": row.baselines,
        "base_value": row.base_value,
        **attributions(row.attributions),
        "dataset": row.dataset,
        "made_at": row.made_at,
        "outcome": row.outcome,
        "outcome_on": row.outcome_on,
        "outcome_missing": row.outcome_missing,
    }


def politician(identifier: Any, row: Any) -> dict[str, Any]:
    """Return the reference to a politician whose columns a row has."""
    columns = {column.key: getattr(row, column.key) for column in POLITICIAN_COLUMNS}
    return {"id": identifier, **columns}


def attributions(by_feature: Mapping[str, float]) -> dict[str, Any]:
    """Return the largest attributions, the largest first, and the sum of the others."""
    some = ((name, value) for name, value in by_feature.items() if value)
    ordered = sorted(some, key=lambda item: (-abs(item[1]), item[0]))
    shown, rest = ordered[:SHOWN_ATTRIBUTIONS], ordered[SHOWN_ATTRIBUTIONS:]
    return {
        "attributions": [{"feature": name, "value": value} for name, value in shown],
        "attributions_rest": math.fsum(value for _, value in rest),
    }
