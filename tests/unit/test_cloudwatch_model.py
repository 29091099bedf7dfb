"""The tests' model of CloudWatch says what AWS's documentation says."""

import pytest
from cloudwatch_alarms import Alarm, State, composite, decide
from cloudwatch_math import Metrics, Value, Window, evaluate

DAY = Window(0, 86_400)
NONE: dict[str, float] = {}


def _points(text: str) -> list[bool | None]:
    return [{"X": True, "0": False, "-": None}[each] for each in text.split()]


# The tables of https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
# in its order of columns: missing, ignore, breaching, notBreaching. "retained" is the state before.
THREE_OF_THREE = {
    "0 - X - X": ("OK", "OK", "OK", "OK"),
    "- - - - 0": ("OK", "OK", "OK", "OK"),
    "- - - - -": ("INSUFFICIENT_DATA", "retained", "ALARM", "OK"),
    "0 X X - X": ("ALARM", "ALARM", "ALARM", "ALARM"),
    "- - X - -": ("ALARM", "retained", "ALARM", "OK"),
}
TWO_OF_THREE = {
    "0 - X - X": ("ALARM", "ALARM", "ALARM", "ALARM"),
    "0 0 X 0 X": ("ALARM", "ALARM", "ALARM", "ALARM"),
    "0 - X - -": ("OK", "OK", "ALARM", "OK"),
    "- - - - 0": ("OK", "OK", "ALARM", "OK"),
    "- - - - X": ("ALARM", "retained", "ALARM", "OK"),
}


@pytest.mark.parametrize(
    ("needed", "text", "expected"),
    [
        *((3, text, expected) for text, expected in THREE_OF_THREE.items()),
        *((2, text, expected) for text, expected in TWO_OF_THREE.items()),
    ],
)
@pytest.mark.parametrize("state", [State.OK, State.ALARM])
def test_missing_data_is_treated_as_documented(
    needed: int, text: str, expected: tuple[str, ...], state: State
) -> None:
    for missing, outcome in zip(
        ("missing", "ignore", "breaching", "notBreaching"), expected, strict=True
    ):
        found = decide(_points(text), needed=needed, of=3, missing=missing, state=state)
        assert found == (state if outcome == "retained" else State(outcome)), missing


def _metrics(*values: float) -> Metrics:
    metrics = Metrics()
    for value in values:
        metrics.put("App", "Latency", {"route": "a"}, at=10, value=value)
    return metrics


@pytest.mark.parametrize(
    ("statistic", "expected"),
    [
        ("Sum", 2700),
        ("SampleCount", 4),
        ("Average", 675),
        ("Minimum", 100),
        ("Maximum", 2000),
        # The upper bound is inclusive, the lower one is not.
        ("PR(:300)", 75),
        ("PR(100:2000)", 75),
        ("PR(300:)", 25),
    ],
)
def test_statistics_are_those_of_cloudwatch(statistic: str, expected: float) -> None:
    key = ("App", "Latency", frozenset({("route", "a")}))
    metrics = _metrics(100, 300, 300, 2000)
    assert metrics.statistic(key, statistic, 0, 60) == expected


def test_a_metric_is_one_set_of_dimensions_and_a_period_ends_before_the_next() -> None:
    metrics = _metrics(1)
    assert metrics.statistic(("App", "Latency", frozenset()), "Sum", 0, 60) is None
    key = ("App", "Latency", frozenset({("route", "a")}))
    assert metrics.statistic(key, "Sum", 0, 10) is None
    assert metrics.statistic(key, "Sum", 10, 11) == 1


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("a + b * 2", 8),
        ("(a + b) * 2", 10),
        ("a - 1 - 1", 0),
        ("b / a", 1.5),
        ("b / (a - 2)", None),
        ("a + absent", None),
        ("FILL(absent, 0) + a", 2),
        ("IF(a < 3, 1, 0)", 1),
        ("IF(a >= 3, 1, b)", 3),
        ("IF(absent < 3, 1, 0)", None),
        ("SUM(METRICS())", 5),
        ("a / SERVICE_QUOTA(a)", 0.5),
    ],
)
def test_expressions_are_evaluated(expression: str, expected: Value) -> None:
    variables = {"a": 2.0, "b": 3.0, "absent": None}
    found = evaluate(expression, variables, metrics=Metrics(), window=DAY, quotas={"a": 4})
    assert found == expected


def test_a_query_sums_over_all_that_have_its_dimensions_and_no_others() -> None:
    metrics = Metrics()
    for dimensions in ({"service": "a"}, {"service": "b"}, {"service": "a", "route": "x"}, {}):
        metrics.put("Quant", "Failures", dimensions, at=5, value=2)
    query = 'SELECT SUM(Failures) FROM SCHEMA("Quant", service)'
    assert evaluate(query, {}, metrics=metrics, window=DAY, quotas=NONE) == 4
    assert evaluate(query, {}, metrics=metrics, window=Window(6, 9), quotas=NONE) is None


@pytest.mark.parametrize(
    "expression",
    [
        "RATE(a)",
        "a + ",
        "a b",
        "a ? b",
        'SELECT AVG(Failures) FROM SCHEMA("Quant", service)',
        'SELECT SUM(Failures) FROM SCHEMA("Quant", service) GROUP BY service',
    ],
)
def test_what_is_not_known_fails(expression: str) -> None:
    with pytest.raises((NotImplementedError, IndexError)):
        evaluate(expression, {"a": 1, "b": 1}, metrics=Metrics(), window=DAY, quotas=NONE)
    with pytest.raises(NotImplementedError):
        _metrics(1).statistic(("App", "Latency", frozenset({("route", "a")})), "p95", 0, 60)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ('(ALARM("a") AND ALARM("b"))', State.OK),
        ('ALARM("a") AND OK("b")', State.ALARM),
        ('ALARM("b") OR NOT OK("a")', State.ALARM),
        ('INSUFFICIENT_DATA("c") AND TRUE', State.ALARM),
        ("FALSE", State.OK),
    ],
)
def test_rules_of_composites_are_evaluated(rule: str, expected: State) -> None:
    states = {"a": State.ALARM, "b": State.OK, "c": State.INSUFFICIENT_DATA}
    assert composite(rule, states) is expected
    with pytest.raises(NotImplementedError):
        composite(f"{rule} XOR TRUE", states)


def test_an_alarm_compares_a_statistic_of_whole_periods() -> None:
    properties = {
        "Namespace": "App",
        "MetricName": "Latency",
        "Dimensions": [{"Name": "route", "Value": "a"}],
        "Statistic": "Maximum",
        "Period": 60,
        "EvaluationPeriods": 2,
        "Threshold": 5,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    }
    metrics = Metrics()
    alarm = Alarm(properties)
    for at, value, expected in ((30, 6, "OK"), (90, 6, "ALARM"), (150, 5, "OK")):
        metrics.put("App", "Latency", {"route": "a"}, at=at, value=value)
        assert alarm.evaluate(metrics, at + 30) == expected
