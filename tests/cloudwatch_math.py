"""Metrics as CloudWatch keeps them, and the part of metric math that our alarms are written in.

Neither LocalStack nor moto evaluates metric math. What is not known here fails.
Sources: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html,
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html,
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-querylanguage.html
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

type Dimensions = Mapping[str, str]
type Key = tuple[str, str, frozenset[tuple[str, str]]]
# The value of one period; ``None`` where there is none.
type Value = float | None


@dataclass(frozen=True, slots=True)
class Sample:
    """A value, or as many equal ones, put at a time in seconds."""

    at: float
    value: float
    count: float = 1


@dataclass
class Metrics:
    """What was put into CloudWatch."""

    samples: dict[Key, list[Sample]] = field(default_factory=lambda: defaultdict(list))

    def put(
        self,
        namespace: str,
        name: str,
        dimensions: Dimensions,
        *,
        at: float,
        value: float,
        count: float = 1,
    ) -> None:
        key = (namespace, name, frozenset(dimensions.items()))
        self.samples[key].append(Sample(at, value, count))

    def statistic(self, key: Key, statistic: str, start: float, end: float) -> Value:
        """Return a statistic over [start, end) of the metric with exactly these dimensions."""
        found = [sample for sample in self.samples.get(key, ()) if start <= sample.at < end]
        return _statistic(found, statistic) if found else None

    def total(self, namespace: str, name: str, names: frozenset[str], window: "Window") -> Value:
        """Return the sum over all metrics whose dimensions have exactly these names."""
        sums = [
            self.statistic(key, "Sum", window.start, window.end)
            for key in list(self.samples)
            if key[:2] == (namespace, name) and {each for each, _ in key[2]} == names
        ]
        known = [value for value in sums if value is not None]
        return sum(known) if known else None


@dataclass(frozen=True, slots=True)
class Window:
    """A period, in seconds: its start is part of it, its end is not."""

    start: float
    end: float


def _statistic(samples: list[Sample], statistic: str) -> float:
    count = sum(sample.count for sample in samples)
    total = sum(sample.value * sample.count for sample in samples)
    match statistic:
        case "Sum":
            return total
        case "SampleCount":
            return count
        case "Average":
            return total / count
        case "Minimum":
            return min(sample.value for sample in samples)
        case "Maximum":
            return max(sample.value for sample in samples)
    rank = re.fullmatch(r"PR\(([\d.]*):([\d.]*)\)", statistic)
    if rank is None:
        raise NotImplementedError(statistic)
    # The lower bound is exclusive, the upper one inclusive.
    low = float(rank[1]) if rank[1] else float("-inf")
    high = float(rank[2]) if rank[2] else float("inf")
    within = sum(sample.count for sample in samples if low < sample.value <= high)
    return 100 * within / count


_TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?)|([A-Za-z_]\w*)|(<=|>=|==|!=|[-+*/<>(),]))")
_INSIGHTS = re.compile(r'SELECT SUM\((\w+)\) FROM SCHEMA\("(\w+)"((?:, ?\w+)*)\)')
_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
}


def evaluate(
    expression: str,
    variables: Mapping[str, Value],
    *,
    metrics: Metrics,
    window: Window,
    quotas: Mapping[str, float],
) -> Value:
    """Return the value of a metric math expression or a Metrics Insights query in one period.

    Args:
        expression: The expression.
        variables: Values of what it names.
        metrics: What a query reads.
        window: The period.
        quotas: Service quotas by the name of the variable that measures their use.
    """
    if expression.startswith("SELECT "):
        query = _INSIGHTS.fullmatch(expression)
        if query is None:
            raise NotImplementedError(expression)
        names = frozenset(name.strip() for name in query[3].split(",") if name.strip())
        return metrics.total(query[2], query[1], names, window)
    parser = _Parser(list(_tokens(expression)), variables, quotas)
    value = parser.comparison()
    if parser.rest:
        raise NotImplementedError(f"{expression}: {parser.rest}")
    return value


def _tokens(expression: str) -> Iterator[str]:
    position = 0
    while position < len(expression.rstrip()):
        found = _TOKEN.match(expression, position)
        if found is None:
            raise NotImplementedError(expression[position:])
        yield found[found.lastindex or 0]
        position = found.end()


class _Parser:
    """Evaluates while it reads: comparisons, sums, products, calls."""

    def __init__(
        self, tokens: list[str], variables: Mapping[str, Value], quotas: Mapping[str, float]
    ) -> None:
        self.rest = tokens
        self._variables = variables
        self._quotas = quotas

    def comparison(self) -> Value:
        left = self._sum()
        if self.rest and self.rest[0] in _COMPARISONS:
            compare = _COMPARISONS[self.rest.pop(0)]
            return _both(left, self._sum(), lambda a, b: float(compare(a, b)))
        return left

    def _sum(self) -> Value:
        left = self._product()
        while self.rest and self.rest[0] in "+-":
            sign = 1 if self.rest.pop(0) == "+" else -1
            left = _both(left, self._product(), lambda a, b, sign=sign: a + sign * b)
        return left

    def _product(self) -> Value:
        left = self._atom()
        while self.rest and self.rest[0] in "*/":
            if self.rest.pop(0) == "*":
                left = _both(left, self._atom(), lambda a, b: a * b)
            else:
                # A division by zero has no value.
                left = _both(left, self._atom(), lambda a, b: a / b if b else None)
        return left

    def _atom(self) -> Value:
        token = self.rest.pop(0)
        if token == "(":
            value = self.comparison()
            self._expect(")")
            return value
        if token[0].isdigit():
            return float(token)
        if self.rest and self.rest[0] == "(":
            return self._call(token)
        return self._variables[token]

    def _call(self, function: str) -> Value:
        self._expect("(")
        match function:
            case "SUM":
                # Of all metrics of the alarm; those without a value are left out.
                for token in ("METRICS", "(", ")", ")"):
                    self._expect(token)
                known = [value for value in self._variables.values() if value is not None]
                return sum(known) if known else None
            case "SERVICE_QUOTA":
                name = self.rest.pop(0)
                self._expect(")")
                return self._quotas[name]
            case "FILL":
                value = self.comparison()
                self._expect(",")
                filling = self.comparison()
                self._expect(")")
                return filling if value is None else value
            case "IF":
                condition = self.comparison()
                self._expect(",")
                then = self.comparison()
                self._expect(",")
                otherwise = self.comparison()
                self._expect(")")
                if condition is None:
                    return None
                return then if condition else otherwise
        raise NotImplementedError(function)

    def _expect(self, token: str) -> None:
        found = self.rest.pop(0)
        if found != token:
            raise NotImplementedError(f"{found} in the place of {token}")


def _both(left: Value, right: Value, combine: Callable[[float, float], Value]) -> Value:
    if left is None or right is None:
        return None
    return combine(left, right)
