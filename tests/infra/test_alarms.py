"""Every alarm is raised by what it is for, and ends with it."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import pytest
from alarm_scenarios import MINUTE, SCENARIOS, VERSION, Scenario, World, of_function
from cloudwatch_alarms import Alarm, State, composite
from cloudwatch_math import Metrics
from infra.all_functions import FUNCTIONS
from infra_support import Assembly

# Of the account's concurrency, which no template has.
QUOTAS = {"usage": 1000.0}
# The properties that hold physical names.
NAMES = ("FunctionName", "QueueName", "StateMachineName", "AlarmName", "Name")
FUNCTION_ERRORS = "-errors"
ON_AWS = pytest.mark.parametrize("environment", ["dev", "prod"])


def _resolved(value: Any, resources: Mapping[str, Any]) -> Any:
    """Replace references by the physical names of what they name."""
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), "Arn" | "QueueName"]}:
            properties = resources[name]["Properties"]
            [found] = [properties[each] for each in NAMES if each in properties]
            return found
        case {"Fn::GetAtt": [_, "Version"]}:
            return VERSION
        case {"Fn::Join": [separator, parts]}:
            return separator.join(_resolved(part, resources) for part in parts)
        case dict():
            return {key: _resolved(each, resources) for key, each in value.items()}
        case list():
            return [_resolved(each, resources) for each in value]
    return value


class Alarms:
    """All alarms of an environment by their names without its prefix."""

    def __init__(self, assembly: Assembly) -> None:
        self.prefix = assembly.config.name("")
        self.stage = assembly.config.environment
        self.simple: dict[str, dict[str, Any]] = {}
        self.rules: dict[str, str] = {}
        for template in assembly.templates.values():
            resources = template["Resources"]
            for resource in resources.values():
                properties = resource.get("Properties", {})
                match resource["Type"]:
                    case "AWS::CloudWatch::Alarm":
                        watched = {
                            key: value
                            for key, value in properties.items()
                            if not key.endswith("Actions")
                        }
                        name = self._short(properties["AlarmName"])
                        self.simple[name] = _resolved(watched, resources)
                    case "AWS::CloudWatch::CompositeAlarm":
                        name = self._short(properties["AlarmName"])
                        rule = _resolved(properties["AlarmRule"], resources)
                        self.rules[name] = rule.replace(self.prefix, "")

    def _short(self, name: str) -> str:
        assert name.startswith(self.prefix)
        return name.removeprefix(self.prefix)

    def states(self, name: str, scenario: Scenario) -> Iterator[State]:
        """Yield the state of an alarm before something goes wrong, while it does, and after."""
        parts = self.parts(name)
        alarms = {part: Alarm(self.simple[part], QUOTAS) for part in parts}
        metrics = Metrics()
        for minute, happens in scenario.happenings():
            happens(World(metrics, self.prefix, self.stage, minute * MINUTE + 1))
        for phase in (
            scenario.before,
            scenario.before + scenario.lasts,
            scenario.before + scenario.lasts + scenario.after,
        ):
            states = {
                part: alarm.evaluate(metrics, phase * MINUTE) for part, alarm in alarms.items()
            }
            yield composite(self.rules[name], states) if name in self.rules else states[name]

    def parts(self, name: str) -> list[str]:
        if name not in self.rules:
            return [name]
        return [part for part in self.simple if f'"{part}"' in self.rules[name]]


@pytest.fixture(scope="session")
def alarms(assemble: Callable[[str], Assembly]) -> Callable[[str], Alarms]:
    return cache(lambda environment: Alarms(assemble(environment)))


def _of_one_function(name: str) -> str | None:
    """Return the function whose alarm this is, if it is one's."""
    return {each.replace(".", "-") + FUNCTION_ERRORS: each for each in FUNCTIONS}.get(name)


def _scenarios(name: str) -> tuple[Scenario, ...]:
    if name in SCENARIOS:
        return (SCENARIOS[name],)
    function = _of_one_function(name)
    assert function is not None, f"{name}: say in alarm_scenarios.py what raises it"
    crashes, answers = of_function(function)
    return (crashes, answers) if FUNCTIONS[function].serves_route else (crashes,)


@ON_AWS
def test_every_alarm_is_raised_by_what_it_is_for(
    alarms: Callable[[str], Alarms], environment: str
) -> None:
    found = alarms(environment)
    parts = {part for name in found.rules for part in found.parts(name)}
    wrong = {
        name: states
        for name in {*found.simple, *found.rules} - parts
        for scenario in _scenarios(name)
        if (states := [*found.states(name, scenario)]) != [State.OK, State.ALARM, State.OK]
    }
    assert not wrong


def test_no_scenario_is_of_an_alarm_that_is_gone(alarms: Callable[[str], Alarms]) -> None:
    found = alarms("prod")
    assert set(SCENARIOS) <= {*found.simple, *found.rules}


def test_composites_name_alarms_that_exist(alarms: Callable[[str], Alarms]) -> None:
    found = alarms("prod")
    assert found.rules
    for name in found.rules:
        assert len(found.parts(name)) == 2


def _some_fail(world: World) -> None:
    world.requests(failed=20)


@pytest.mark.parametrize(
    ("name", "scenario"),
    [
        # A fault of five minutes spends 0.1 % of the month's budget.
        ("availability-fast", Scenario(World.requests, _some_fail, 5, 5, 120)),
        ("availability-slow", Scenario(World.requests, _some_fail, 5, 5, 420)),
        # One request in a hundred is for the slow alarm.
        (
            "availability-fast",
            Scenario(World.requests, lambda world: world.requests(failed=2), 60, 5, 120),
        ),
        # At night there is one request a minute, and one of them fails.
        (
            "availability-fast",
            Scenario(
                lambda world: world.requests(1),
                lambda world: world.requests(1, failed=1),
                lasts=1,
                after=5,
                before=120,
            ),
        ),
        # A third are exports, which take seconds.
        (
            "latency-fast",
            Scenario(World.requests, lambda world: world.requests(slow=60), 60, 5, 120),
        ),
    ],
)
def test_objectives_bear_what_their_budget_bears(
    alarms: Callable[[str], Alarms], name: str, scenario: Scenario
) -> None:
    assert set(alarms("prod").states(name, scenario)) == {State.OK}


def test_one_that_is_silent_from_the_first_is_noticed(alarms: Callable[[str], Alarms]) -> None:
    """A schedule that never worked has no metric at all."""
    found = alarms("prod")
    for name in ("audit-anchor", "audit-maintenance", "analytics-precompute", "ml-no-prediction"):
        alarm = Alarm(found.simple[name])
        assert alarm.evaluate(Metrics(), 0) is State.ALARM


@ON_AWS
def test_alarms_are_within_what_cloudwatch_takes(
    alarms: Callable[[str], Alarms], environment: str
) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-limits.html."""
    for name, alarm in alarms(environment).simple.items():
        assert len([each for each in alarm.get("Metrics", ()) if "MetricStat" in each]) <= 10
        period = Alarm(alarm)._period()
        most = 86_400 if period < 3600 else 7 * 86_400
        assert period * alarm["EvaluationPeriods"] <= most, name
