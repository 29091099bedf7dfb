import itertools
import math

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ml_boosters_support import BOOSTERS, KINDS, fitted, made_up_rows, unusual_rows

from quant.ml.booster_text import read_booster
from quant.ml.shap import Explainer


def explained(booster):
    trees = read_booster(booster.model_to_string())
    return trees, Explainer(trees)


@pytest.mark.parametrize("rows", [1, 30, 1000])
@pytest.mark.parametrize("kind", BOOSTERS)
def test_attributions_are_those_of_lightgbm(kind, rows):
    booster = fitted(*made_up_rows(1), **BOOSTERS[kind])
    trees, explainer = explained(booster)
    x = np.resize(np.vstack([unusual_rows(2), made_up_rows(1)[0]]), (rows, len(KINDS)))
    expected = booster.predict(x, pred_contrib=True)
    found = explainer.attributions(x)
    np.testing.assert_allclose(found, expected[:, :-1], rtol=1e-9, atol=1e-9)
    assert explainer.base_value == pytest.approx(expected[0, -1], rel=1e-9, abs=1e-9)
    np.testing.assert_allclose(
        explainer.base_value + found.sum(axis=1), trees.margin(x), rtol=1e-9, atol=1e-9
    )


@given(
    seed=st.integers(0, 1000),
    num_leaves=st.integers(2, 60),
    min_data_in_leaf=st.integers(1, 30),
    use_missing=st.booleans(),
    zero_as_missing=st.booleans(),
    categorical=st.sets(st.sampled_from([3, 4, 5])),
)
@settings(max_examples=40, deadline=None)
def test_any_parameters_give_the_attributions_of_lightgbm(seed, categorical, **parameters):
    booster = fitted(*made_up_rows(seed, 200), rounds=4, categorical=categorical, **parameters)
    x = unusual_rows(seed)
    found = explained(booster)[1].attributions(x)
    expected = booster.predict(x, pred_contrib=True)[:, :-1]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_attributions_are_shapley_values_by_their_definition():
    """Every coalition is played: unknown features send a row both ways, by the training rows."""
    trees, explainer = explained(fitted(*made_up_rows(5), rounds=3, num_leaves=12))
    columns, k = trees.columns(unusual_rows(5)[:1]), len(KINDS)

    def expected(node, known):
        if trees.left[node] == node:
            return trees.value[node]
        left, right = trees.left[node], trees.right[node]
        if trees.column[node] % k in known:
            goes = trees.goes_left(np.array([node]), columns[trees.column[node]])[0]
            return expected(left if goes else right, known)
        shares = trees.count[[left, right]] / trees.count[node]
        return shares[0] * expected(left, known) + shares[1] * expected(right, known)

    def game(known):
        return sum(expected(root, known) for root in trees.roots)

    for feature, found in enumerate(explainer.attributions(unusual_rows(5)[:1])[0]):
        others = [each for each in range(k) if each != feature]
        value = sum(
            (game({*known, feature}) - game(set(known))) / (k * math.comb(k - 1, size))
            for size in range(k)
            for known in itertools.combinations(others, size)
        )
        assert found == pytest.approx(value, abs=1e-12)
    assert explainer.base_value == pytest.approx(game(set()), abs=1e-12)


def test_many_features_on_one_way_are_attributed():
    """More features than fit a table, and as many of them as there are on a way."""
    rng = np.random.default_rng(6)
    x = rng.normal(size=(3000, 30))
    booster = lightgbm.train(
        {
            "num_leaves": 300,
            "min_data_in_leaf": 3,
            "feature_fraction_bynode": 0.2,
            "seed": 1,
            "num_threads": 1,
            "verbosity": -1,
        },
        lightgbm.Dataset(x, x.sum(axis=1)),
        num_boost_round=3,
    )
    _, explainer = explained(booster)
    assert max(group.feature.shape[1] for group in explainer._groups) > 12
    expected = booster.predict(x, pred_contrib=True)
    np.testing.assert_allclose(explainer.attributions(x), expected[:, :-1], atol=1e-9)


def test_constant_trees_attribute_nothing():
    x, _ = made_up_rows(4)
    _, explainer = explained(fitted(x, np.full(len(x), 0.25)))
    assert explainer.base_value == 0.25
    assert not explainer.attributions(x).any()


def test_attributions_of_a_row_do_not_depend_on_the_others():
    _, explainer = explained(fitted(*made_up_rows(1), num_leaves=30))
    x = made_up_rows(3, 3000)[0]
    together = explainer.attributions(x)
    np.testing.assert_allclose(
        together[2047:2050], explainer.attributions(x[2047:2050]), atol=1e-14
    )
    assert explainer.attributions(x[:0]).shape == (0, len(KINDS))
