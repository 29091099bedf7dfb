"""Methods of the models' predictions, of their uncertainty and of their record."""

from typing import Final

from quant.methods import Method, Source
from quant.methods.sources import (
    BENJAMINI_HOCHBERG,
    DIEBOLD_MARIANO,
    GNEITING_RAFTERY,
    LAZARUS,
    WILSON,
)

_NO_ADVICE: Final = (
    "A statement about numbers: nothing says how a trade came about, and nothing is investment "
    "advice."
)
_BY_PERIOD: Final = (
    "Rows are summed by week, or by month where predictions are monthly; long-run variance of the "
    "sums by equally weighted cosines, so that what rows of a period share, and what overlapping "
    "outcome windows share, is no new evidence. 95 % intervals by Student's t."
)


PREDICTION: Final = Method(
    id="predictions.prediction",
    version="1",
    title="Prediction",
    estimates="An abnormal return after a disclosure, the probability of a trade in the next "
    "month, or the number of trades disclosed within four weeks.",
    estimator="Gradient boosted trees (LightGBM) on features that were public at the end of the "
    "day of the prediction; for trade counts the strongest cycle or a hidden Markov model of two "
    "rates. The configuration, of few, is the one of least loss out of sample; the number of trees "
    "is chosen by the last fifth of the training rows.",
    assumptions=(
        "What is to come is like what has been, given the features.",
        "A feature is known at the end of the day on which it was disclosed, filed or quoted.",
    ),
    standard_errors="The interval of `predictions.interval`; a probability has none.",
    null=None,
    multiple_testing=None,
    limits=(
        "No prediction without its record out of sample: that says what it is worth.",
        "Sectors of tickers are the present ones; seats on committees are unknown before they were "
        "first collected.",
        "Tickers without prices have no return and are left out, among them those of many "
        "companies that failed or were bought.",
        _NO_ADVICE,
    ),
    sources=(
        Source(
            citation="Ke et al. (2017), LightGBM: A Highly Efficient Gradient Boosting Decision "
            "Tree, Advances in Neural Information Processing Systems 30",
        ),
        Source(
            citation="Zucchini and MacDonald (2009), Hidden Markov Models for Time Series, CRC",
        ),
    ),
)

INTERVAL: Final = Method(
    id="predictions.interval",
    version="1",
    title="Conformal prediction interval",
    estimates="Ends between which 90 % of outcomes are to lie.",
    estimator="The prediction less and plus a quantile of past absolute residuals out of sample, "
    "each over the stock's volatility, or over the model's own standard deviation of a count. The "
    "level of the quantile moves with past misses as outcomes become known, so that coverage "
    "returns to 90 % after the distribution has moved. Of predictions made since training it is "
    "the last quantile. A count's interval does not go below zero.",
    assumptions=(
        "None about the distribution of outcomes; coverage holds over time, not for each group.",
        "Between two trainings the residuals stay as large, relative to their scale.",
    ),
    standard_errors="The measured coverage out of sample stands beside it, with its interval.",
    null=None,
    multiple_testing=None,
    limits=("Intervals are wide where outcomes are: most hold zero.",),
    sources=(
        Source(
            citation="Gibbs and Candes (2021), Adaptive Conformal Inference Under Distribution "
            "Shift, Advances in Neural Information Processing Systems 34",
        ),
        Source(
            citation="Lei, G'Sell, Rinaldo, Tibshirani and Wasserman (2018), Distribution-Free "
            "Predictive Inference for Regression, Journal of the American Statistical Association "
            "113",
            url="https://doi.org/10.1080/01621459.2017.1307116",
        ),
    ),
)

CALIBRATION: Final = Method(
    id="predictions.calibration",
    version="1",
    title="Calibrated probability",
    estimates="How often trades happen of which the model gives the same probability.",
    estimator="Isotonic regression of outcomes on the model's probabilities out of fold, its "
    "blocks pooled until each holds ten events and ten rows without one. The expected calibration "
    "error is the mean, over ten bins of about as many predictions each, of the absolute "
    "difference between mean probability and share of events.",
    assumptions=("The share of events at a score lasts from training on.",),
    standard_errors=_BY_PERIOD + " Of each bin's share, and of the error given the signs of the "
    "differences.",
    null=None,
    multiple_testing=None,
    limits=(
        "The error is above zero by chance even where probabilities are exact: what chance alone "
        "lets it be stands beside it.",
    ),
    sources=(
        Source(
            citation="Zadrozny and Elkan (2002), Transforming Classifier Scores into Accurate "
            "Multiclass Probability Estimates, KDD",
            url="https://doi.org/10.1145/775047.775151",
        ),
        Source(
            citation="Naeini, Cooper and Hauskrecht (2015), Obtaining Well Calibrated "
            "Probabilities Using Bayesian Binning, AAAI 29",
            url="https://doi.org/10.1609/aaai.v29i1.9602",
        ),
    ),
)

ATTRIBUTION: Final = Method(
    id="predictions.attribution",
    version="1",
    title="SHAP attributions",
    estimates="How much each feature moves a prediction away from the mean one.",
    estimator="Shapley values of the trees' expectation given the features known (path-dependent "
    "TreeSHAP), in the model's margin: the return itself, or the log-odds before calibration. "
    "Base value and attributions add up to the margin.",
    assumptions=("The shares of training rows that pass a tree's branches.",),
    standard_errors=None,
    null=None,
    multiple_testing=None,
    limits=(
        "They say how the model came to its number, not what causes outcomes.",
        "Among features that go together, the one that a tree happens to use gets the share.",
    ),
    sources=(
        Source(
            citation="Lundberg et al. (2020), From Local Explanations to Global Understanding with "
            "Explainable AI for Trees, Nature Machine Intelligence 2",
            url="https://doi.org/10.1038/s42256-019-0138-9",
        ),
    ),
)

VALIDATION: Final = Method(
    id="predictions.validation",
    version="1",
    title="Record out of sample of the training run",
    estimates="How well the model would have predicted past periods of which it knew nothing.",
    estimator="Walk-forward validation: each fold trains on the rows whose outcome was known "
    "before its first test day, less an embargo, and predicts the rows of the period after it. "
    "Configuration, calibration and interval of a fold are those that outcomes known before it "
    "gave; the first fold is a warm-up and no part of the record. Losses: squared errors of "
    "returns, logarithmic scores of probabilities, Poisson deviances of counts.",
    assumptions=("Past test periods are like those to come.",),
    standard_errors=_BY_PERIOD,
    null=None,
    multiple_testing=None,
    limits=(
        "The features and the models were designed by people who knew these years: the record of "
        "predictions made since, `predictions.scorecard`, is the stricter one.",
    ),
    sources=(
        Source(
            citation="Lopez de Prado (2018), Advances in Financial Machine Learning, Wiley, "
            "chapter 7",
        ),
        GNEITING_RAFTERY,
    ),
)

SKILL: Final = Method(
    id="predictions.skill",
    version="1",
    title="Skill against a baseline",
    estimates="By how much the model's loss is smaller than that of a named baseline on the same "
    "rows.",
    estimator="Mean of the baseline's loss less the model's, row by row; the skill score is that "
    "over the baseline's mean loss. Baselines: zero, historical mean, the subject's rate "
    "shrunk to the mean, ridge and logistic regression on the same features.",
    assumptions=("Differences that lie far apart in time are independent.",),
    standard_errors=_BY_PERIOD,
    null="The model's expected loss is not below the baseline's (one-sided).",
    multiple_testing="None: to be promoted, a model has to reject every one of its null "
    "hypotheses, which keeps the level (Berger 1982).",
    limits=("A skill within noise of zero is none: the answer says so.",),
    sources=(
        DIEBOLD_MARIANO,
        LAZARUS,
        Source(
            citation="Berger (1982), Multiparameter Hypothesis Testing and Acceptance Sampling, "
            "Technometrics 24",
            url="https://doi.org/10.1080/00401706.1982.10487790",
        ),
    ),
)

PROMOTION: Final = Method(
    id="predictions.promotion",
    version="1",
    title="Promotion rule",
    estimates="Whether a version may predict.",
    estimator="A version becomes champion by itself only if it beats each of its baselines and the "
    "present champion on the same rows out of sample. Otherwise it is registered as refused, with "
    "the reasons. An administrator may promote, roll back or switch off a model, which is recorded "
    "with the reason.",
    assumptions=SKILL.assumptions,
    standard_errors=SKILL.standard_errors,
    null="The version does not beat at least one of them (intersection-union test; each comparison "
    "one-sided at 5 %).",
    multiple_testing=SKILL.multiple_testing,
    limits=(
        "Every week a version is tried anew: over years, one without skill would pass some day if "
        "the rows were new each time. They are not, and the scorecard goes on counting.",
    ),
    sources=SKILL.sources,
)

STABILITY: Final = Method(
    id="predictions.stability",
    version="1",
    title="Population stability index",
    estimates="How far the values of a feature, or the predictions, of a month are from those of "
    "training.",
    estimator="Sum over bins of (q - p) ln(q / p), of the share p of training rows and q of the "
    "month's rows: ten bins of like many training rows, one for each of few values, and one of "
    "unknown values. Half a row is added to every bin, so that none is empty. The same is measured "
    "of the last 24 months of training, each against all of training; of predictions out of "
    "sample.",
    assumptions=("The month is whole: it is measured once a later disclosure is known.",),
    standard_errors="Without drift, and were rows independent, its expectation is about (bins - 1) "
    "(1/n + 1/m) of n rows of the month and m of training. Rows of a month are not independent; "
    "hence the comparison with the months of training.",
    null="The month is exchangeable with the last 24 months of training; the p-value is the rank "
    "of its index among theirs.",
    multiple_testing="None: of k features without drift at most 0.05 k are expected to have "
    "shifted in a month, which stands beside their number.",
    limits=(
        "The bounds 0.1 and 0.25 are rules of thumb, made for large samples.",
        "The months of training are in the shares they are compared with, which makes their "
        "indices somewhat smaller than those of months to come.",
        "What grows with the years, such as seniority, drifts.",
        "A month of fewer than 50 rows is not measured; with fewer than 19 months of training "
        "nothing is said.",
    ),
    sources=(
        Source(
            citation="Yurdakul (2018), Statistical Properties of Population Stability Index, "
            "dissertation, Western Michigan University",
            url="https://scholarworks.wmich.edu/dissertations/3208",
        ),
        Source(
            citation="Krichevsky and Trofimov (1981), The Performance of Universal Encoding, IEEE "
            "Transactions on Information Theory 27",
            url="https://doi.org/10.1109/TIT.1981.1056331",
        ),
    ),
)

PERFORMANCE_DRIFT: Final = Method(
    id="predictions.performance_drift",
    version="1",
    title="Performance drift",
    estimates="Whether predictions made since training are worse than its record out of sample.",
    estimator="Mean loss of the last 500 predictions that have an outcome less that of the record "
    "out of sample, and the share of outcomes within their intervals less 90 %.",
    assumptions=("Outcomes that lie far apart in time are independent.",),
    standard_errors=_BY_PERIOD + " The record's own error is added.",
    null="The mean loss is not greater than that of the record (one-sided); the coverage is 90 % "
    "(two-sided).",
    multiple_testing="Benjamini-Hochberg over the two.",
    limits=(
        "A loss rises with the volatility of the market though the model is as good as before: the "
        "baselines' losses of the same predictions stand in the scorecard.",
    ),
    sources=(LAZARUS, BENJAMINI_HOCHBERG),
)

SCORECARD: Final = Method(
    id="predictions.scorecard",
    version="1",
    title="Scorecard: the record of stored predictions",
    estimates="How the predictions turned out that were stored before their outcome was known.",
    estimator="Every prediction counts that was stored within seven days of its date and before "
    "the day on which its outcome was known; those stored later are left out and counted. An "
    "outcome is taken from the data when it is first known, and kept.",
    assumptions=("Predictions without an outcome are like those with one.",),
    standard_errors=_BY_PERIOD + " Beside the coverage stands Wilson's interval, as if outcomes "
    "were independent.",
    null="That of `predictions.skill`, for each baseline.",
    multiple_testing="Benjamini-Hochberg over the baselines of a model.",
    limits=(
        "With fewer than 100 outcomes, or in too few periods for a standard error, it says so and "
        "shows no skill.",
        "A price that ended before the window did leaves no outcome; it is counted as missing, and "
        "such windows are not like the others.",
    ),
    sources=(
        DIEBOLD_MARIANO,
        LAZARUS,
        BENJAMINI_HOCHBERG,
        WILSON,
    ),
)

METHODS: Final = (
    PREDICTION,
    INTERVAL,
    CALIBRATION,
    ATTRIBUTION,
    VALIDATION,
    SKILL,
    PROMOTION,
    STABILITY,
    PERFORMANCE_DRIFT,
    SCORECARD,
)
