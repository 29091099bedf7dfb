"""What stands before the API on AWS: its web ACL, and its own domain."""

import json
from collections.abc import Callable
from typing import Any

from infra.config import DomainConfig
from infra_support import Assembly, text_of

from quant.tiers import TIERS
from quant_http.bodies import MAX_BODY_BYTES


def _acl(assembly: Assembly) -> dict[str, Any]:
    [acl] = assembly.properties("AWS::WAFv2::WebACL")
    return acl


def _managed(assembly: Assembly) -> dict[str, set[str]]:
    """Return the rule groups of AWS by the rules of each that only count."""
    groups = {}
    for rule in _acl(assembly)["Rules"]:
        if group := rule["Statement"].get("ManagedRuleGroupStatement"):
            assert rule["OverrideAction"] == {"None": {}}
            overrides = group.get("RuleActionOverrides", [])
            assert all(override["ActionToUse"] == {"Count": {}} for override in overrides)
            groups[group["Name"]] = {override["Name"] for override in overrides}
    return groups


def test_web_acl_is_before_the_stage(aws_assembly: Assembly) -> None:
    [(acl, properties)] = aws_assembly.resources("AWS::WAFv2::WebACL").items()
    assert properties["Properties"]["Scope"] == "REGIONAL"
    [association] = aws_assembly.properties("AWS::WAFv2::WebACLAssociation")
    assert association["WebACLArn"] == {"Fn::GetAtt": [acl, "Arn"]}
    [api] = aws_assembly.resources("AWS::ApiGateway::RestApi")
    [stage] = aws_assembly.resources("AWS::ApiGateway::Stage")
    arn = text_of(association["ResourceArn"])
    assert arn.endswith(f"::/restapis/<{api}>/stages/<{stage}>")


def test_an_address_may_send_what_premium_admits(aws_assembly: Assembly) -> None:
    [rule] = [
        rule["Statement"]["RateBasedStatement"]
        for rule in _acl(aws_assembly)["Rules"]
        if rule.get("Action") == {"Block": {}}
    ]
    assert rule["AggregateKeyType"] == "IP"
    assert rule["EvaluationWindowSec"] == 300
    assert rule["Limit"] == aws_assembly.config.address_limit
    fastest = max(tier.requests_per_minute for tier in TIERS.values())
    assert rule["Limit"] >= 5 * fastest


def test_rules_of_aws_refuse_no_body_that_functions_take(aws_assembly: Assembly) -> None:
    groups = _managed(aws_assembly)
    assert groups.keys() == {
        "AWSManagedRulesAmazonIpReputationList",
        "AWSManagedRulesCommonRuleSet",
        "AWSManagedRulesKnownBadInputsRuleSet",
    }
    # It refuses bodies of more than 8 KiB.
    assert "SizeRestrictions_BODY" in groups["AWSManagedRulesCommonRuleSet"]
    body = _acl(aws_assembly)["AssociationConfig"]["RequestBody"]["API_GATEWAY"]
    inspected = int(body["DefaultSizeInspectionLimit"].removeprefix("KB_")) * 1024
    assert inspected == MAX_BODY_BYTES


def test_rules_are_measured_and_sampled(aws_assembly: Assembly) -> None:
    acl = _acl(aws_assembly)
    views = [acl["VisibilityConfig"], *(rule["VisibilityConfig"] for rule in acl["Rules"])]
    assert len({view["MetricName"] for view in views}) == len(views) == 5
    for view in views:
        assert view["CloudWatchMetricsEnabled"] is True
        assert view["SampledRequestsEnabled"] is True


def test_credentials_are_neither_logged_nor_sampled(aws_assembly: Assembly) -> None:
    protected = set()
    for item in _acl(aws_assembly)["DataProtectionConfig"]["DataProtections"]:
        assert item["Action"] == "SUBSTITUTION"
        # Else what a rule matched would still show it.
        assert not item.get("ExcludeRuleMatchDetails")
        field = item["Field"]
        protected |= {(field["FieldType"], key) for key in field.get("FieldKeys", ["*"])}
    assert protected == {
        ("SINGLE_HEADER", "authorization"),
        ("SINGLE_HEADER", "cookie"),
        ("SINGLE_QUERY_ARGUMENT", "token"),
        ("BODY", "*"),
    }


def test_refused_requests_alone_are_logged(aws_assembly: Assembly) -> None:
    name = f"aws-waf-logs-{aws_assembly.config.name('api')}"
    [(logical_id, group)] = [
        (logical_id, group)
        for logical_id, group in aws_assembly.resources("AWS::Logs::LogGroup").items()
        if group["Properties"]["LogGroupName"] == name
    ]
    assert group["Properties"]["RetentionInDays"] == 30
    [logging] = aws_assembly.properties("AWS::WAFv2::LoggingConfiguration")
    [destination] = logging["LogDestinationConfigs"]
    assert text_of(destination).endswith(f":log-group:<{logical_id}>")
    assert logging["LoggingFilter"]["DefaultBehavior"] == "DROP"
    [kept] = logging["LoggingFilter"]["Filters"]
    assert kept["Behavior"] == "KEEP"
    assert kept["Conditions"] == [{"ActionCondition": {"Action": "BLOCK"}}]


def test_many_refusals_raise_an_alarm(aws_assembly: Assembly) -> None:
    config = aws_assembly.config
    [alarm] = [
        alarm
        for alarm in aws_assembly.properties("AWS::CloudWatch::Alarm")
        if alarm["AlarmName"] == config.name("web-acl-blocked")
    ]
    assert alarm["MetricName"] == "BlockedRequests"
    assert {item["Name"]: item["Value"] for item in alarm["Dimensions"]} == {
        "WebACL": _acl(aws_assembly)["Name"],
        "Region": "us-east-1",
        "Rule": "ALL",
    }
    assert (alarm["Period"], alarm["Threshold"]) == (300, config.address_limit)


def _domain(assembly: Assembly) -> DomainConfig:
    assert assembly.config.domain is not None
    return assembly.config.domain


def test_without_a_domain_the_api_answers_at_its_stage(assembly: Assembly) -> None:
    [api] = assembly.properties("AWS::ApiGateway::RestApi")
    assert "DisableExecuteApiEndpoint" not in api
    for kind in (
        "AWS::ApiGateway::DomainName",
        "AWS::CertificateManager::Certificate",
        "AWS::Route53::RecordSet",
    ):
        assert not assembly.resources(kind)
    url = text_of(assembly.templates["Api"]["Outputs"]["ApiUrl"]["Value"])
    assert url.endswith("/")


def test_with_a_domain_it_answers_nowhere_else(opened: Assembly) -> None:
    [api] = opened.properties("AWS::ApiGateway::RestApi")
    assert api["DisableExecuteApiEndpoint"] is True
    [mapping] = opened.properties("AWS::ApiGateway::BasePathMapping")
    [name] = opened.resources("AWS::ApiGateway::DomainName")
    [rest] = opened.resources("AWS::ApiGateway::RestApi")
    [stage] = opened.resources("AWS::ApiGateway::Stage")
    assert mapping == {
        "DomainName": {"Ref": name},
        "RestApiId": {"Ref": rest},
        "Stage": {"Ref": stage},
    }


def test_the_domain_speaks_tls_of_today_over_both_protocols(opened: Assembly) -> None:
    [domain] = opened.properties("AWS::ApiGateway::DomainName")
    name = _domain(opened).name
    assert domain["DomainName"] == name
    assert domain["SecurityPolicy"] == "TLS_1_2"
    assert domain["EndpointConfiguration"] == {"Types": ["REGIONAL"], "IpAddressType": "dualstack"}
    [(certificate, properties)] = opened.resources("AWS::CertificateManager::Certificate").items()
    assert domain["RegionalCertificateArn"] == {"Ref": certificate}
    assert properties["Properties"]["ValidationMethod"] == "DNS"
    [option] = properties["Properties"]["DomainValidationOptions"]
    assert option == {"DomainName": name, "HostedZoneId": _domain(opened).zone_id}


def test_records_of_the_zone_lead_to_the_domain(opened: Assembly) -> None:
    [name] = opened.resources("AWS::ApiGateway::DomainName")
    records = opened.properties("AWS::Route53::RecordSet")
    assert sorted(record["Type"] for record in records) == ["A", "AAAA"]
    for record in records:
        assert record["Name"] == f"{_domain(opened).name}."
        assert record["HostedZoneId"] == _domain(opened).zone_id
        assert record["AliasTarget"]["DNSName"] == {"Fn::GetAtt": [name, "RegionalDomainName"]}


def test_links_and_the_output_name_the_domain(
    opened: Assembly, assemble: Callable[[str], Assembly]
) -> None:
    assert (
        opened.templates["Api"]["Outputs"]["ApiUrl"]["Value"] == f"https://{_domain(opened).name}/"
    )
    told = 0
    for function in opened.functions().values():
        if url := function["Environment"]["Variables"].get("QUANT_PUBLIC_URL"):
            assert url == f"https://{_domain(opened).name}"
            told += 1
    assert told
    assert _domain(opened).name not in json.dumps(assemble("prod").templates["Api"])
