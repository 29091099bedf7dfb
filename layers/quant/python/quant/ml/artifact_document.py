"""Reads the document of an artifact, and checks every part before anything is made of it."""

import json
import math
from collections.abc import Callable
from datetime import date
from typing import Any, Final

from quant.errors import QuantError
from quant.ml.calibration import Calibration
from quant.ml.catalogue import MODELS, Baseline, Family
from quant.ml.conformal import STANDARD_DEVIATION, IntervalRule
from quant.ml.counts import WEEK_COUNT
from quant.ml.layout import feature_version

# Raised where a document can no longer be read as it was.
FORMAT: Final = 1


class DocumentFormatError(QuantError):
    """A document is not that of an artifact; the message says what is wrong with it."""


def read(content: bytes) -> dict[str, Any]:
    """Return the arguments of ``quant.ml.artifact.Artifact``.

    Raises:
        DocumentFormatError: The content is not such a document.
    """
    try:
        document = json.loads(content)
    # A document nested too deeply exhausts the stack, which Python notices.
    except (ValueError, RecursionError) as error:
        msg = f"it is no JSON: {error}"
        raise DocumentFormatError(msg) from error
    if not isinstance(document, dict):
        msg = "it is no JSON object"
        raise DocumentFormatError(msg)
    _expect(document.pop("format", None) == FORMAT, f"its format is not {FORMAT}")
    if different := set(document).symmetric_difference(_READERS):
        msg = f"it lacks, or has besides: {', '.join(sorted(map(repr, different)))}"
        raise DocumentFormatError(msg)
    found = {name: _read(name, reader, document[name]) for name, reader in _READERS.items()}
    _check(found)
    return found


def _read(name: str, reader: Callable[[Any], Any], value: Any) -> Any:
    try:
        return reader(value)
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        msg = f"{name} is damaged: {error}"
        raise DocumentFormatError(msg) from error


def _expect(condition: object, what: str) -> None:
    if not condition:
        raise DocumentFormatError(what)


def _check(found: dict[str, Any]) -> None:
    """Check what one part says of another."""
    spec = MODELS.get(found["model"])
    _expect(spec is not None and found["family"] == spec.family, "a model that is not declared")
    trees = found["family"] == Family.LIGHTGBM
    _expect((found["booster"] is not None) == trees, f"family {found['family']} and its booster")
    _expect(trees or WEEK_COUNT in found["features"], f"features without {WEEK_COUNT}")
    _expect(trees or "weeks" in found["settings"], "settings without weeks")
    interval = found["interval"]
    scales = {None, *found["features"], *(() if trees else (STANDARD_DEVIATION,))}
    _expect(interval is None or interval.scale in scales, "an interval of an unknown scale")


def _of_type[T](kind: type[T]) -> Callable[[Any], T]:
    def read_it(value: Any) -> T:
        # True is an int to Python.
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            msg = f"it is not of type {kind.__name__}"
            raise TypeError(msg)
        return value

    return read_it


def _or_none[T](reader: Callable[[Any], T]) -> Callable[[Any], T | None]:
    return lambda value: None if value is None else reader(value)


_text = _of_type(str)
_object: Callable[[Any], dict[str, Any]] = _of_type(dict)


def _dataset(value: Any) -> str:
    dataset = _text(value)
    feature_version(dataset)
    return dataset


def _names(value: Any) -> tuple[str, ...]:
    names = tuple(map(_text, _of_type(list)(value)))
    if not names or len(set(names)) != len(names):
        msg = "there are none, or some twice"
        raise ValueError(msg)
    return names


def _settings(value: Any) -> dict[str, Any]:
    settings = _object(value)
    weeks = settings.get("weeks", 1)
    if _of_type(int)(weeks) < 1:
        msg = f"weeks are {weeks}"
        raise ValueError(msg)
    return settings


def _calibration(value: Any) -> Calibration:
    for knots in _object(value).values():
        for knot in _of_type(list)(knots):
            _of_type(float)(knot)
    return Calibration.of(value)


def _interval(value: Any) -> IntervalRule:
    rule = IntervalRule.of(_object(value))
    _or_none(_text)(rule.scale)
    numbers = (rule.level, rule.quantile, rule.usual_scale, rule.least_scale)
    finite = all(
        isinstance(number, int | float) and math.isfinite(number)
        for number in (*numbers, 0 if rule.least is None else rule.least)
    )
    if not (finite and min(numbers) >= 0 and 0 < rule.level < 1 and rule.usual_scale > 0):
        msg = f"{value} is no interval"
        raise ValueError(msg)
    return rule


def _baselines(value: Any) -> dict[str, dict[str, Any]]:
    return {str(Baseline(name)): _object(parameters) for name, parameters in _object(value).items()}


def _reference(value: Any) -> dict[str, dict[str, Any]]:
    return {name: _object(measured) for name, measured in _object(value).items()}


_READERS: Final[dict[str, Callable[[Any], Any]]] = {
    "model": _text,
    "family": lambda value: str(Family(value)),
    "dataset": _dataset,
    "run": _text,
    "trained_through": lambda value: date.fromisoformat(_text(value)),
    "code_version": _text,
    "seed": _of_type(int),
    "features": _names,
    "settings": _settings,
    "booster": _or_none(_text),
    "calibration": _or_none(_calibration),
    "interval": _or_none(_interval),
    "baselines": _baselines,
    "reference": _reference,
    "synthetic": _of_type(bool),
}
