import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ml_boosters_support import BOOSTERS, KINDS, fitted, made_up_rows, unusual_rows

from quant.ml.booster_text import BoosterTextError, read_booster


@pytest.fixture(params=BOOSTERS, scope="module")
def booster(request):
    return fitted(*made_up_rows(1), **BOOSTERS[request.param])


@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_margins_are_those_of_lightgbm_to_the_bit(booster, rows):
    x = np.resize(np.vstack([unusual_rows(2), made_up_rows(1)[0]]), (rows, len(KINDS)))
    trees = read_booster(booster.model_to_string())
    expected = booster.predict(x, raw_score=True)
    np.testing.assert_array_equal(trees.margin(x), expected)
    np.testing.assert_allclose(trees.predict(x), booster.predict(x), rtol=1e-12)


def test_margin_of_a_row_does_not_depend_on_the_others(booster):
    x = made_up_rows(3, 900)[0]
    trees = read_booster(booster.model_to_string())
    together = trees.margin(x)
    np.testing.assert_array_equal(together[:50], trees.margin(x[:50]))
    np.testing.assert_array_equal(together[7], trees.margin(x[7:8])[0])
    assert len(trees.margin(x[:0])) == 0


@given(
    seed=st.integers(0, 1000),
    objective=st.sampled_from(["regression", "binary", "poisson"]),
    num_leaves=st.integers(2, 40),
    min_data_in_leaf=st.integers(1, 60),
    max_bin=st.integers(2, 300),
    use_missing=st.booleans(),
    zero_as_missing=st.booleans(),
    max_cat_to_onehot=st.integers(1, 80),
    categorical=st.sets(st.sampled_from([3, 4, 5])),
    lambda_l2=st.floats(0, 10),
    learning_rate=st.floats(0.01, 1),
)
@settings(max_examples=60, deadline=None)
def test_any_parameters_give_the_margins_of_lightgbm(seed, categorical, **parameters):
    found = fitted(*made_up_rows(seed, 200), rounds=5, categorical=categorical, **parameters)
    x = unusual_rows(seed)
    trees = read_booster(found.model_to_string())
    np.testing.assert_array_equal(trees.margin(x), found.predict(x, raw_score=True))


def test_constant_outcome_gives_one_leaf():
    x, _ = made_up_rows(4)
    found = fitted(x, np.full(len(x), 0.25))
    trees = read_booster(found.model_to_string())
    assert trees.depth == 0
    assert trees.predict(x).tolist() == [0.25] * len(x)


def test_features_are_named_in_the_order_of_the_columns():
    assert read_booster(fitted(*made_up_rows(1)).model_to_string()).features == KINDS


def test_extreme_margins_have_probabilities():
    trees = read_booster(fitted(*made_up_rows(1), objective="binary").model_to_string())
    assert trees.linked(np.array([-1e6, 0.0, 1e6])).tolist() == [0.0, 0.5, 1.0]


@pytest.mark.parametrize(
    ("parameters", "what"),
    [
        ({"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5}, "forests"),
        ({"linear_tree": True}, "is_linear is '1'"),
        ({"reg_sqrt": True}, "objective is 'regression sqrt'"),
    ],
    ids=["forest", "linear trees", "square root"],
)
def test_other_kinds_of_booster_are_refused(parameters, what):
    found = fitted(*made_up_rows(1), rounds=2, categorical=(), **parameters)
    with pytest.raises(BoosterTextError, match=what):
        read_booster(found.model_to_string())


def text():
    return fitted(*made_up_rows(1), rounds=2).model_to_string()


def replaced(name, value, tree=0):
    """Return the text with one line of one tree changed."""
    head, *trees = re.split(r"(?=^Tree=)", text(), flags=re.MULTILINE)
    trees[tree] = re.sub(rf"^{name}=.*$", f"{name}={value}", trees[tree], flags=re.MULTILINE)
    return head + "".join(trees)


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("num_leaves", "0", "num_leaves has values outside"),
        ("num_leaves", "7", "has 7 values, not 6"),
        ("num_leaves", "eight", "num_leaves holds something else than whole numbers"),
        ("num_leaves", "8-1", "num_leaves holds something else than whole numbers"),
        ("num_leaves", "1" * 30, "num_leaves has values outside"),
        ("num_leaves", "1" * 5000, "num_leaves holds something else than whole numbers"),
        ("num_leaves", "\u0668", "num_leaves holds something else than whole numbers"),
        ("split_feature", "0 0 0 0 0 0 7", "split_feature has values outside 0 to 6"),
        ("threshold", "0 0 0 0 0 0", "threshold has 6 values, not 7"),
        ("threshold", "0 0 0 0 0 0 x", "threshold holds something else than numbers"),
        ("threshold", "0 0 0 0 0 0 nan", "threshold holds NaN"),
        ("left_child", "1 2 3 4 5 6 7", "left_child has values outside"),
        ("left_child", "0 -1 -2 -3 -4 -5 -6", "no tree"),
        ("right_child", "1 1 1 1 1 1 1", "no tree"),
        ("leaf_value", "0 0 0 0 0 0 0 inf", "leaf_value has values that are not finite"),
        ("leaf_count", "0 1 1 1 1 1 1 1", "leaf_count has values outside"),
        ("internal_count", "1 1 1 1 1 1 -1", "internal_count has values outside"),
        ("decision_type", "12 2 2 2 2 2 2", "decision_type has values outside"),
        ("num_cat", "0", "nodes have sets"),
        ("cat_boundaries", "1", "cat_boundaries has 1 values"),
        ("cat_threshold", "", "cat_threshold has 0 values"),
        ("is_linear", "1", "is_linear is '1', not '0'"),
    ],
)
def test_damaged_tree_is_refused(name, value, what):
    with pytest.raises(BoosterTextError, match=f"tree 0: .*{what}"):
        read_booster(replaced(name, value))


@pytest.mark.parametrize(
    ("pattern", "value", "what"),
    [
        ("^tree$", "forest", "does not begin"),
        ("^version=v4$", "version=v9", "version is 'v9', not 'v4'"),
        ("^num_class=1$", "num_class=3", "num_class is '3'"),
        ("^max_feature_idx=6$", "max_feature_idx=7", "feature_names has 7 values, not 8"),
        ("^objective=regression$", "objective=lambdarank", "objective is 'lambdarank'"),
        ("^objective=regression$", "objective=", "objective is ''"),
        ("^objective=regression$", "objective=binary", "no slope"),
        ("^objective=regression$", "objective=binary sigmoid:0", "slope 0"),
        ("^objective=regression$", "", "objective is missing"),
        ("^tree_sizes=.*$", "tree_sizes=1", "tree_sizes is of 1 trees; there are 2"),
        ("^Tree=1$", "Tree=2", "tree 1: Tree is '2'"),
        ("^end of trees$", "", "breaks off"),
        ("^num_class=1$", "num_class=1\nnum_class=1", "num_class is there twice"),
    ],
)
def test_damaged_text_is_refused(pattern, value, what):
    damaged, count = re.subn(pattern, value, text(), flags=re.MULTILINE)
    assert count == 1
    with pytest.raises(BoosterTextError, match=what):
        read_booster(damaged)


def test_text_without_trees_is_refused():
    head = text().partition("Tree=0")[0]
    with pytest.raises(BoosterTextError, match="there are 0"):
        read_booster(re.sub("tree_sizes=.*", "tree_sizes=", head) + "end of trees\n")


def test_text_that_is_cut_anywhere_is_refused():
    whole = text()
    for length in range(0, whole.index("end of trees"), 97):
        with pytest.raises(BoosterTextError):
            read_booster(whole[:length])


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_changed_text_is_read_or_refused(data):
    """Whatever is read can be predicted with: no index leads out of a table, no walk runs on."""
    whole = TEXT
    place = data.draw(st.integers(0, whole.index("end of trees")))
    length = data.draw(st.integers(0, 5))
    put = data.draw(st.text(" -0123456789.=\nainf", max_size=5))
    try:
        trees = read_booster(whole[:place] + put + whole[place + length :])
    except BoosterTextError:
        return
    assert trees.margin(X).shape == (20,)


TEXT = text()
X = unusual_rows(1)[:20]
