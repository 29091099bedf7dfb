"""What is computed ahead and exported: when, where its files are kept, what watches it."""

from infra.batch_functions import BATCH_FUNCTIONS, PRECOMPUTE, RUN_EXPORT
from infra_support import Assembly


def test_exports_are_encrypted_private_and_taken_by_tls_alone(assembly: Assembly) -> None:
    resource, statement = assembly.bucket("Exported")
    bucket = resource["Properties"]
    assert bucket["BucketEncryption"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert (statement["Effect"], statement["Action"]) == ("Deny", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    kept = "Retain" if assembly.config.retain_data else "Delete"
    assert resource["DeletionPolicy"] == kept


def test_files_of_jobs_expire_and_data_sets_do_not(assembly: Assembly) -> None:
    resource, _ = assembly.bucket("Exported")
    rules = resource["Properties"]["LifecycleConfiguration"]["Rules"]
    assert {rule["Prefix"]: rule["ExpirationInDays"] for rule in rules if "Prefix" in rule} == {
        "exports/": 7
    }
    assert not [rule for rule in rules if "ExpirationInDays" in rule and "Prefix" not in rule]


def test_analytics_are_computed_ahead_one_run_at_a_time(assembly: Assembly) -> None:
    function, properties = assembly.function(PRECOMPUTE)
    assert properties["ReservedConcurrentExecutions"] == 1
    [rule] = assembly.properties("AWS::Events::Rule", "Analytics")
    assert rule["ScheduleExpression"] == "rate(15 minutes)"
    aliases = assembly.resources("AWS::Lambda::Alias", "Analytics")
    alias = aliases[rule["Targets"][0]["Arn"]["Ref"]]["Properties"]
    assert alias["FunctionName"] == {"Ref": function}
    [configuration] = assembly.properties("AWS::Lambda::EventInvokeConfig", "Analytics")
    assert configuration["MaximumRetryAttempts"] == 0


def test_as_many_exports_run_as_the_poller_takes(assembly: Assembly) -> None:
    """A message that meets a busy function is hidden for an hour and a half."""
    _, function = assembly.function(RUN_EXPORT)
    [mapping] = assembly.properties("AWS::Lambda::EventSourceMapping", "Analytics")
    most = mapping["ScalingConfig"]["MaximumConcurrency"]
    assert function["ReservedConcurrentExecutions"] >= most
    assert mapping["BatchSize"] == 1


def test_alarms_watch_failures_and_silence(assembly: Assembly) -> None:
    alarms = assembly.alarms("Analytics")
    assert set(alarms) == {"analytics-errors", "analytics-precompute"}
    watched = {
        metric["MetricStat"]["Metric"]["Dimensions"][0]["Value"]["Ref"]
        for metric in alarms["analytics-errors"]["Metrics"]
        if "MetricStat" in metric
    }
    assert watched == {assembly.function(name)[0] for name in BATCH_FUNCTIONS}
    assert alarms["analytics-precompute"]["TreatMissingData"] == "breaching"
