import json
from dataclasses import replace

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ml_artifacts_support import COUNTS, PROBABILITY, RETURN, made_up_frame, trained

from quant.analytics.ensemble import components
from quant.ml import baselines, layout
from quant.ml.artifact import Artifact, DamagedArtifactError
from quant.ml.catalogue import MODELS
from quant.ml.counts import WEEK_COUNT, moments

KINDS = (RETURN, PROBABILITY, *COUNTS)


@pytest.fixture(scope="module", params=KINDS)
def model(request):
    return request.param


@pytest.fixture(scope="module")
def dumped():
    return {kind: trained(kind).dump() for kind in KINDS}


def test_what_is_loaded_dumps_to_the_same_bytes(model, dumped):
    loaded = Artifact.load(dumped[model])
    assert loaded.dump() == dumped[model]
    assert Artifact.load(loaded.dump()).trained_through == loaded.trained_through


def test_same_training_gives_the_same_hash(model, dumped):
    assert layout.sha256(trained(model).dump()) == layout.sha256(dumped[model])
    assert trained(model, seed=2).dump() != dumped[model]


def test_loaded_predicts_as_what_was_dumped(model, dumped):
    frame = made_up_frame(model, seed=3)
    before, after = trained(model).predict(frame), Artifact.load(dumped[model]).predict(frame)
    for name in ("value", "lower", "upper", "margin", "base_value", "attributions"):
        np.testing.assert_array_equal(getattr(before, name), getattr(after, name))
    for name, expected in before.baselines.items():
        np.testing.assert_array_equal(after.baselines[name], expected)


def test_attributions_add_up_to_the_margin(model, dumped):
    artifact, frame = Artifact.load(dumped[model]), made_up_frame(model, seed=3)
    found = artifact.predict(frame)
    assert found.attributions.shape == (len(frame), len(artifact.features))
    np.testing.assert_allclose(found.base_value + found.attributions.sum(axis=1), found.margin)
    assert set(found.baselines) == set(map(str, MODELS[model].baselines))
    assert np.isfinite(found.margin).sum() > 50


def test_rows_asked_for_are_predicted_as_among_all(model, dumped):
    artifact, frame = Artifact.load(dumped[model]), made_up_frame(model, seed=3)
    everything = artifact.predict(frame)
    rows = np.arange(len(frame)) % 7 == 3
    rows[: len(frame) // 2] = False
    found = artifact.predict(frame, rows)
    for name in ("value", "lower", "upper", "margin"):
        np.testing.assert_array_equal(getattr(found, name), getattr(everything, name)[rows])
    np.testing.assert_allclose(found.attributions, everything.attributions[rows], atol=1e-14)
    for name, expected in everything.baselines.items():
        np.testing.assert_allclose(found.baselines[name], expected[rows], rtol=1e-12)
    assert len(artifact.predict(frame, np.zeros(len(frame), dtype=bool)).value) == 0


def test_returns_are_those_of_lightgbm_with_an_interval_by_volatility(dumped):
    artifact, frame = Artifact.load(dumped[RETURN]), made_up_frame(RETURN, seed=3)
    found = artifact.predict(frame)
    expected = lightgbm.Booster(model_str=artifact.booster).predict(frame.x)
    np.testing.assert_array_equal(found.value, expected)
    np.testing.assert_array_equal(found.margin, expected)
    scale = np.maximum(np.where(np.isnan(frame.x[:, 2]), 0.5, frame.x[:, 2]), 0.1)
    np.testing.assert_allclose(found.upper - found.value, 1.7 * scale)
    np.testing.assert_allclose(found.value - found.lower, 1.7 * scale)
    np.testing.assert_array_equal(found.baselines["zero"], np.zeros(len(frame)))
    ridge = baselines.predict("ridge", artifact.baselines["ridge"], frame)
    np.testing.assert_array_equal(found.baselines["ridge"], ridge)


def test_probabilities_are_calibrated_and_have_no_interval(dumped):
    artifact, frame = Artifact.load(dumped[PROBABILITY]), made_up_frame(PROBABILITY, seed=3)
    found = artifact.predict(frame)
    booster = lightgbm.Booster(model_str=artifact.booster)
    np.testing.assert_array_equal(found.margin, booster.predict(frame.x, raw_score=True))
    expected = np.interp(booster.predict(frame.x), artifact.calibration.x, artifact.calibration.y)
    np.testing.assert_allclose(found.value, expected, rtol=1e-9)
    assert np.isnan(found.lower).all()
    assert np.isnan(found.upper).all()
    uncalibrated = replace(artifact, calibration=None).predict(frame)
    np.testing.assert_allclose(uncalibrated.value, booster.predict(frame.x), rtol=1e-12)


@pytest.mark.parametrize("kind", COUNTS)
def test_counts_are_forecast_by_their_history(kind, dumped):
    artifact, frame = Artifact.load(dumped[kind]), made_up_frame(kind, seed=3)
    found = artifact.predict(frame)
    mean, variance = moments(artifact.family, artifact.settings, frame)
    np.testing.assert_array_equal(found.value, mean)
    np.testing.assert_allclose(found.upper, mean + 2.1 * np.sqrt(variance))
    assert np.nanmin(found.lower) >= 0
    # Two years are needed: 103 weeks of three politicians say nothing.
    assert np.isnan(found.value).sum() == np.isnan(found.attributions[:, 0]).sum() == 3 * 103
    known = ~np.isnan(mean)
    own = found.attributions[known, artifact.features.index(WEEK_COUNT)]
    np.testing.assert_array_equal(own, mean[known])


def test_cycle_is_that_of_the_ensemble(dumped):
    frame = made_up_frame("trade-count-cycle", seed=3)
    found = Artifact.load(dumped["trade-count-cycle"]).predict(frame)
    own = frame.keys["politician_id"] == "politician 1"
    counts = frame.column(WEEK_COUNT)[own].astype(np.int64)
    expected = components.cycle(counts, 104, (4,)).mean[:, 0]
    np.testing.assert_allclose(found.value[own][103:], expected)


def test_columns_are_found_by_name(dumped):
    artifact, frame = Artifact.load(dumped[RETURN]), made_up_frame(RETURN, seed=3)
    turned = replace(
        frame,
        names=("another", *frame.names[::-1]),
        x=np.column_stack([np.zeros(len(frame)), frame.x[:, ::-1]]),
    )
    np.testing.assert_array_equal(artifact.predict(turned).value, artifact.predict(frame).value)


def test_rows_that_lack_a_feature_are_refused(dumped):
    frame = made_up_frame(RETURN)
    less = replace(frame, names=frame.names[1:], x=frame.x[:, 1:])
    with pytest.raises(ValueError, match="lack the features number"):
        Artifact.load(dumped[RETURN]).predict(less)


def test_a_number_that_is_not_finite_is_not_dumped():
    with pytest.raises(ValueError, match="JSON compliant"):
        trained(RETURN, settings={"learning_rate": float("nan")}).dump()


def changed(content, **parts):
    document = json.loads(content)
    for name, value in parts.items():
        if value is None:
            del document[name]
        else:
            document[name] = value
    return layout.canonical(document)


@pytest.mark.parametrize(
    ("kind", "parts", "what"),
    [
        (RETURN, {"format": 2}, "its format is not 1"),
        (RETURN, {"seed": None}, "lacks, or has besides: 'seed'"),
        (RETURN, {"more": 1}, "lacks, or has besides: 'more'"),
        (RETURN, {"model": 1}, "model is damaged"),
        (RETURN, {"family": "forest"}, "family is damaged"),
        (RETURN, {"family": "cycle"}, "a model that is not declared"),
        ("trade-count-cycle", {"booster": "tree"}, "family cycle and its booster"),
        (RETURN, {"trained_through": "2020-02-30"}, "trained_through is damaged"),
        (RETURN, {"seed": True}, "seed is damaged"),
        (RETURN, {"features": []}, "features is damaged"),
        (RETURN, {"features": ["a", "a"]}, "features is damaged"),
        (
            RETURN,
            {"features": ["a"], "interval": {"level": 0.9, "quantile": 1}},
            "features are not",
        ),
        (RETURN, {"settings": []}, "settings is damaged"),
        (RETURN, {"booster": "tree\n"}, "breaks off"),
        (RETURN, {"booster": 1}, "booster is damaged"),
        (RETURN, {"interval": {"level": 0.9}}, "interval is damaged"),
        (RETURN, {"interval": {"level": 1.9, "quantile": 1}}, "interval is damaged"),
        (RETURN, {"interval": {"level": 0.9, "quantile": "1"}}, "interval is damaged"),
        (RETURN, {"interval": {"level": 0.9, "quantile": 1, "scale": "x"}}, "unknown scale"),
        (RETURN, {"baselines": {"none": {}}}, "baselines is damaged"),
        (RETURN, {"baselines": {"zero": []}}, "baselines is damaged"),
        (RETURN, {"reference": []}, "reference is damaged"),
        (RETURN, {"synthetic": 0}, "synthetic is damaged"),
        (PROBABILITY, {"calibration": {"x": [0.1]}}, "calibration is damaged"),
        (PROBABILITY, {"calibration": {"x": [0.2, 0.1], "y": [0.1, 0.2]}}, "have to rise"),
        (PROBABILITY, {"calibration": {"x": [[0.2]], "y": [[0.1]]}}, "calibration is damaged"),
        ("trade-count-cycle", {"features": ["noise"]}, "features without trades_disclosed_week"),
        ("trade-count-cycle", {"settings": {"weeks": 0}}, "settings is damaged"),
        ("trade-count-cycle", {"settings": {}}, "settings without weeks"),
        (RETURN, {"model": "alchemy"}, "a model that is not declared"),
        (RETURN, {"model": "trade-count-cycle"}, "a model that is not declared"),
        (RETURN, {"baselines": {"historical_mean": {}}}, "cannot predict: KeyError"),
        (RETURN, {"baselines": {"ridge": {"intercept": 1, "columns": [1]}}}, "cannot predict"),
        (PROBABILITY, {"baselines": {"subject_rate": {"mean": 1}}}, "cannot predict"),
    ],
)
def test_damaged_document_is_refused(kind, parts, what, dumped):
    with pytest.raises(DamagedArtifactError, match=what):
        Artifact.load(changed(dumped[kind], **parts))


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"null", b"\xff\xfe", b"{", b"[" * 100_000, b'{"format":1}', b'{"a":1e999}'],
    ids=lambda value: repr(value[:12]),
)
def test_content_that_is_no_artifact_is_refused(content):
    with pytest.raises(DamagedArtifactError):
        Artifact.load(content)


def test_artifact_that_is_cut_anywhere_is_refused(dumped):
    whole = dumped[RETURN]
    for length in range(0, len(whole), len(whole) // 50):
        with pytest.raises(DamagedArtifactError):
            Artifact.load(whole[:length])


DOCUMENT = json.loads(trained(PROBABILITY).dump())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(part=st.sampled_from(sorted(DOCUMENT)), value=JSON)
@settings(max_examples=200, deadline=None)
def test_any_part_is_read_or_refused(part, value):
    try:
        artifact = Artifact.load(json.dumps({**DOCUMENT, part: value}).encode())
    except DamagedArtifactError:
        return
    assert len(artifact.predict(made_up_frame(PROBABILITY, n=20)).value) == 20


@given(data=st.data(), value=JSON)
@settings(max_examples=200, deadline=None)
def test_any_parameter_of_a_baseline_is_read_or_refused(data, value):
    baseline = data.draw(st.sampled_from(sorted(DOCUMENT["baselines"])))
    parameters = DOCUMENT["baselines"][baseline]
    name = data.draw(st.sampled_from(sorted(parameters)))
    changed_parameters = {baseline: {**parameters, name: value}}
    try:
        artifact = Artifact.load(json.dumps({**DOCUMENT, "baselines": changed_parameters}).encode())
    except DamagedArtifactError:
        return
    assert artifact.baselines == changed_parameters
