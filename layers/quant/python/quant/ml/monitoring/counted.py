"""Which stored predictions are a model's public record; of SQL alone, for whoever has no NumPy."""

from typing import Final

# A prediction counts that was stored by so many days after its date.
PROMPT_DAYS: Final = 7
# Whether one was stored by then, and before the day on which its outcome was known.
AHEAD: Final = (
    f"((made_at at time zone 'UTC')::date <= as_of + {PROMPT_DAYS}"
    " and (made_at at time zone 'UTC')::date < coalesce(outcome_on, closes_on, 'infinity'))"
)
