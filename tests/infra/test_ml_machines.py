"""The machines of machine learning: how training goes on, when it starts, what watches it."""

import json
from typing import Any

import pytest
from infra.all_functions import FUNCTIONS
from infra.ml_functions import (
    ALIAS,
    EVALUATE,
    FIT,
    ML_FUNCTIONS,
    MONITOR,
    PREDICT,
    PREPARE,
    PUBLISH,
    REGISTER,
)
from infra_support import Assembly, as_list, text_of

from quant.ml import layout
from quant.ml.artifacts import ARTIFACT_UNUSABLE
from quant.ml.monitoring import monitor
from quant_http.routes import ROUTES, Capability

STEPS = list(ML_FUNCTIONS)
METRICS = {
    ARTIFACT_UNUSABLE: "ArtifactUnusable",
    monitor.UNMONITORED: "ModelNotMonitored",
    monitor.DRIFT: "ModelDrift",
    monitor.PERFORMANCE_DRIFT: "ModelPerformanceDrift",
}
SCHEDULES = {
    "training": "cron(0 6 ? * SAT *)",
    "prediction": "cron(0 22 * * ? *)",
}


def _by_name(assembly: Assembly, kind: str, field: str, name: str) -> dict[str, Any]:
    wanted = assembly.config.name(name)
    [found] = [each for each in assembly.properties(kind, "Ml") if each[field] == wanted]
    return found


def _machine(assembly: Assembly, name: str) -> dict[str, Any]:
    machine = _by_name(assembly, "AWS::StepFunctions::StateMachine", "StateMachineName", name)
    definition: dict[str, Any] = json.loads(text_of(machine["DefinitionString"]))
    return definition


def _invoked(assembly: Assembly, state: dict[str, Any]) -> str:
    """Return the name of the function whose alias a state invokes."""
    alias = assembly.resources("AWS::Lambda::Alias", "Ml")[state["Resource"].strip("<>")]
    function = alias["Properties"]["FunctionName"]["Ref"]
    [name] = [name for name in STEPS if assembly.function(name)[0] == function]
    return name


def _chain(assembly: Assembly, states: dict[str, Any]) -> list[str]:
    """Return the names of the states from the first to the last."""
    chain, name = [], states["StartAt"]
    while name:
        chain.append(name)
        name = states["States"][name].get("Next")
    return chain


def test_training_goes_from_snapshot_to_predictions(assembly: Assembly) -> None:
    machine = _machine(assembly, "training")
    states = machine["States"]
    assert _chain(assembly, machine) == ["Prepare", "Fits", "Models", "Predict", "Monitor"]
    fits, models = states["Fits"]["ItemProcessor"], states["Models"]["ItemProcessor"]
    assert _chain(assembly, models) == ["Evaluate", "Register", "Publish", "Alias"]
    tasks = {**states, **fits["States"], **models["States"]}
    invoked = {
        name: _invoked(assembly, state) for name, state in tasks.items() if state["Type"] == "Task"
    }
    assert invoked == {
        "Prepare": PREPARE,
        "Fit": FIT,
        "Evaluate": EVALUATE,
        "Register": REGISTER,
        "Publish": PUBLISH,
        "Alias": ALIAS,
        "Predict": PREDICT,
        "Monitor": MONITOR,
    }


def test_fits_are_mapped_over_the_plan_and_none_may_fail(assembly: Assembly) -> None:
    fits = _machine(assembly, "training")["States"]["Fits"]
    assert fits["ItemProcessor"]["ProcessorConfig"] == {
        "Mode": "DISTRIBUTED",
        # An express execution ends after five minutes.
        "ExecutionType": "STANDARD",
    }
    assert fits["ItemReader"]["Resource"].endswith(":states:::s3:getObject")
    assert fits["ItemReader"]["ReaderConfig"] == {"InputType": "JSON"}
    assert fits["ItemReader"]["Parameters"]["Key.$"] == "$.plan.key"
    assert fits["MaxConcurrency"] == assembly.config.fits_at_a_time
    assert not fits.get("ToleratedFailurePercentage")
    # The models are still in the state's input.
    assert fits["ResultPath"] is None


def test_models_are_published_as_many_at_a_time_as_the_function_runs(assembly: Assembly) -> None:
    models = _machine(assembly, "training")["States"]["Models"]
    assert models["ItemsPath"] == "$.models"
    _, publish = assembly.function(PUBLISH)
    assert models["MaxConcurrency"] == publish["ReservedConcurrentExecutions"]


def test_prediction_is_the_end_of_training(assembly: Assembly) -> None:
    machine = _machine(assembly, "prediction")
    assert _chain(assembly, machine) == ["Predict", "Monitor"]
    ending = _machine(assembly, "training")["States"]
    assert {name: ending[name] for name in machine["States"]} == machine["States"]


def test_every_step_is_retried_with_growing_waits(assembly: Assembly) -> None:
    training = _machine(assembly, "training")["States"]
    tasks = [
        *training.values(),
        *training["Fits"]["ItemProcessor"]["States"].values(),
        *training["Models"]["ItemProcessor"]["States"].values(),
    ]
    for task in (task for task in tasks if task["Type"] == "Task"):
        passing, others = task["Retry"]
        assert "StoreUnavailableError" in passing["ErrorEquals"]
        assert others["ErrorEquals"] == ["States.ALL"]
        assert others["MaxAttempts"] < passing["MaxAttempts"]
        assert all(retry["BackoffRate"] == 2 for retry in (passing, others))
        waits = [
            min(passing["MaxDelaySeconds"], passing["IntervalSeconds"] * 2**attempt)
            for attempt in range(passing["MaxAttempts"])
        ]
        # Full jitter waits half of that on average; a function runs a quarter of an hour at most.
        assert sum(waits) / 2 > 10 * 60


def _allowed(assembly: Assembly, name: str) -> dict[str, list[str]]:
    machine = _by_name(assembly, "AWS::StepFunctions::StateMachine", "StateMachineName", name)
    allowed: dict[str, list[str]] = {}
    assert machine["TracingConfiguration"] == {"Enabled": True}
    for statement in assembly.statements(machine["RoleArn"]["Fn::GetAtt"][0]):
        assert statement["Effect"] == "Allow"
        if statement.get("Sid") == "Trace":
            continue
        for action in as_list(statement["Action"]):
            allowed.setdefault(action, []).extend(map(text_of, as_list(statement["Resource"])))
    return allowed


def test_training_may_invoke_its_steps_and_run_its_map(assembly: Assembly) -> None:
    allowed = _allowed(assembly, "training")
    name = assembly.config.name("training")
    assert len(allowed.pop("lambda:InvokeFunction")) == len(STEPS)
    [plans] = allowed.pop("s3:GetObject")
    assert plans.endswith(f"/{layout.RUNS}/*/plan.json")
    [started] = allowed.pop("states:StartExecution")
    assert started.endswith(f":stateMachine:{name}")
    assert set(allowed) == {
        "states:DescribeExecution",
        "states:RedriveExecution",
        "states:StopExecution",
    }
    for resources in allowed.values():
        assert [each.endswith(f":execution:{name}/Fits:*") for each in resources] == [True]


def test_prediction_may_invoke_its_steps_and_no_more(assembly: Assembly) -> None:
    allowed = _allowed(assembly, "prediction")
    assert set(allowed) == {"lambda:InvokeFunction"}
    assert len(allowed["lambda:InvokeFunction"]) == 2


@pytest.mark.parametrize("name", SCHEDULES)
def test_machines_are_started_after_the_exchanges_have_closed(
    assembly: Assembly, name: str
) -> None:
    schedule = _by_name(assembly, "AWS::Scheduler::Schedule", "Name", name)
    assert schedule["ScheduleExpression"] == SCHEDULES[name]
    assert schedule["ScheduleExpressionTimezone"] == "America/New_York"
    target = schedule["Target"]
    machine = assembly.resources("AWS::StepFunctions::StateMachine", "Ml")[target["Arn"]["Ref"]]
    assert machine["Properties"]["StateMachineName"] == assembly.config.name(name)
    assert json.loads(target["Input"]) == {}
    rights = {
        statement["Action"]: statement["Resource"]
        for statement in assembly.statements(target["RoleArn"]["Fn::GetAtt"][0])
    }
    assert rights == {
        "states:StartExecution": target["Arn"],
        "sqs:SendMessage": target["DeadLetterConfig"]["Arn"],
    }


def test_starts_that_fail_are_set_aside(assembly: Assembly) -> None:
    [queue] = assembly.properties("AWS::SQS::Queue", "Ml")
    assert queue["SqsManagedSseEnabled"] is True
    assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600
    [policy] = assembly.properties("AWS::SQS::QueuePolicy", "Ml")
    [statement] = policy["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Action"]) == ("Deny", "sqs:*")


def test_alarms_are_these(assembly: Assembly) -> None:
    assert set(assembly.alarms("Ml")) == {
        "ml-training",
        "ml-prediction",
        "ml-no-prediction",
        "ml-unstarted",
        "ml-artifact-unusable",
        "ml-drift",
        "ml-performance",
        "ml-unmonitored",
    }


@pytest.mark.parametrize("name", ["training", "prediction"])
def test_every_way_to_fail_raises_an_alarm(assembly: Assembly, name: str) -> None:
    alarm = assembly.alarms("Ml")[f"ml-{name}"]
    metrics = [each["MetricStat"]["Metric"] for each in alarm["Metrics"] if "MetricStat" in each]
    assert {metric["MetricName"] for metric in metrics} == {
        "ExecutionsFailed",
        "ExecutionsTimedOut",
        "ExecutionsAborted",
    }
    machines = assembly.resources("AWS::StepFunctions::StateMachine", "Ml")
    for metric in metrics:
        [dimension] = metric["Dimensions"]
        properties = machines[dimension["Value"]["Ref"]]["Properties"]
        assert properties["StateMachineName"] == assembly.config.name(name)
    assert alarm["Threshold"] == 1


def test_three_days_without_a_prediction_raise_an_alarm(assembly: Assembly) -> None:
    alarm = assembly.alarms("Ml")["ml-no-prediction"]
    assert alarm["EvaluationPeriods"] == 3
    [succeeded] = [each["MetricStat"] for each in alarm["Metrics"] if "MetricStat" in each]
    assert succeeded["Period"] == 24 * 3600
    assert succeeded["Metric"]["MetricName"] == "ExecutionsSucceeded"
    # Nothing at all: the machine was never started.
    assert alarm["TreatMissingData"] == "breaching"


def _counted(assembly: Assembly, event: str) -> set[str]:
    """Return the functions whose log lines of an event are counted by the metric of its alarm."""
    [alarm] = [
        alarm
        for alarm in assembly.alarms("Ml").values()
        if alarm.get("MetricName") == METRICS[event]
    ]
    counted = set()
    for name in FUNCTIONS:
        stack = assembly.stack_of(name)
        _, function = assembly.function(name)
        for found in assembly.properties("AWS::Logs::MetricFilter", stack):
            [metric] = found["MetricTransformations"]
            its_own = found["LogGroupName"] == function["LoggingConfig"]["LogGroup"]
            if its_own and found["FilterPattern"] == f'{{ $.event = "{event}" }}':
                assert metric["MetricNamespace"] == alarm["Namespace"]
                assert metric["MetricName"] == alarm["MetricName"]
                counted.add(name)
    return counted


def test_whatever_loads_artifacts_is_counted_when_it_cannot(assembly: Assembly) -> None:
    routes = {route.name for route in ROUTES if Capability.ARTIFACTS in route.capabilities}
    assert routes
    assert _counted(assembly, ARTIFACT_UNUSABLE) == {PREDICT, MONITOR} | routes


@pytest.mark.parametrize("event", [monitor.UNMONITORED, monitor.DRIFT, monitor.PERFORMANCE_DRIFT])
def test_what_monitoring_says_is_counted(assembly: Assembly, event: str) -> None:
    assert _counted(assembly, event) == {MONITOR}
