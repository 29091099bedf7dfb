"""The web ACL before the API: a limit for each address, and rules that AWS maintains."""

from collections.abc import Mapping
from typing import Final

from aws_cdk import ArnFormat, Duration, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from aws_cdk import aws_wafv2 as wafv2
from constructs import Construct

from infra.components.alarm import alarm_at
from infra.config import Config

_WINDOW_SECONDS: Final = 300

# Rule groups of AWS by the rules in each that only count.
# https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-list.html
_MANAGED: Final[Mapping[str, tuple[str, ...]]] = {
    "AWSManagedRulesAmazonIpReputationList": (),
    "AWSManagedRulesCommonRuleSet": (
        # It refuses 8 KiB; functions take 64 KiB and say so in their answer.
        "SizeRestrictions_BODY",
        # The API's clients are programs, and some name none.
        "NoUserAgent_HEADER",
        # A webhook may be at an address; the functions refuse those that are not public.
        "GenericRFI_BODY",
    ),
    "AWSManagedRulesKnownBadInputsRuleSet": (),
}

# What neither log nor samples show: credentials, and bodies with passwords in them.
_PROTECTED: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("SINGLE_HEADER", ("authorization",)),
    ("SINGLE_HEADER", ("cookie",)),
    ("SINGLE_QUERY_ARGUMENT", ("token",)),
    ("BODY", ()),
)


class WebAcl(Construct):
    """A web ACL that is associated with one resource, what it refuses being logged.

    Its log is the only one with whole addresses, without which nobody could do anything about
    them. It has refused requests alone, which have no account, and is kept for a month.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        address_limit: int,
        resource_arn: str,
    ):
        """Create the web ACL.

        Args:
            scope: Parent construct.
            construct_id: Identifier below the parent.
            config: The environment's settings.
            address_limit: Requests an address may send in five minutes.
            resource_arn: The stage of an API.
        """
        super().__init__(scope, construct_id)
        self._config = config
        name = config.name("api")
        acl = wafv2.CfnWebACL(
            self,
            "Acl",
            name=name,
            scope="REGIONAL",
            default_action=wafv2.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=_visible(name),
            rules=_rules(address_limit),
            association_config=wafv2.CfnWebACL.AssociationConfigProperty(
                # As much of a body as the functions take.
                request_body={
                    "API_GATEWAY": wafv2.CfnWebACL.RequestBodyAssociatedResourceTypeConfigProperty(
                        default_size_inspection_limit="KB_64"
                    )
                }
            ),
            data_protection_config=wafv2.CfnWebACL.DataProtectionConfigProperty(
                data_protections=[_protected(kind, keys) for kind, keys in _PROTECTED]
            ),
        )
        wafv2.CfnWebACLAssociation(
            self, "Association", resource_arn=resource_arn, web_acl_arn=acl.attr_arn
        )
        self._log_refusals(name, acl)
        self._watch(name, address_limit)

    def _log_refusals(self, name: str, acl: wafv2.CfnWebACL) -> None:
        """Log refused requests to a group, whose name AWS prescribes the beginning of.

        https://docs.aws.amazon.com/waf/latest/developerguide/logging-cw-logs.html
        """
        group = logs.LogGroup(
            self,
            "Log",
            log_group_name=f"aws-waf-logs-{name}",
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=(
                RemovalPolicy.RETAIN if self._config.retain_data else RemovalPolicy.DESTROY
            ),
        )
        # Without the ``:*`` that ends the group's own ARN.
        arn = Stack.of(self).format_arn(
            service="logs",
            resource="log-group",
            resource_name=group.log_group_name,
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        blocked = {"ActionCondition": {"Action": "BLOCK"}}
        wafv2.CfnLoggingConfiguration(
            self,
            "Logging",
            resource_arn=acl.attr_arn,
            log_destination_configs=[arn],
            logging_filter={
                "DefaultBehavior": "DROP",
                "Filters": [
                    {"Behavior": "KEEP", "Requirement": "MEETS_ANY", "Conditions": [blocked]}
                ],
            },
        )

    def _watch(self, name: str, address_limit: int) -> None:
        alarm_at(
            self,
            "BlockedAlarm",
            config=self._config,
            name="web-acl-blocked",
            description="The web ACL refuses as much as one address may send.",
            metric=cloudwatch.Metric(
                namespace="AWS/WAFV2",
                metric_name="BlockedRequests",
                dimensions_map={"WebACL": name, "Region": Stack.of(self).region, "Rule": "ALL"},
                period=Duration.seconds(_WINDOW_SECONDS),
                statistic="Sum",
            ),
            threshold=address_limit,
        )


def _rules(address_limit: int) -> list[wafv2.CfnWebACL.RuleProperty]:
    # First, so that what the others would count or refuse counts here as well.
    limit = wafv2.CfnWebACL.RuleProperty(
        name="AddressRate",
        priority=0,
        action=wafv2.CfnWebACL.RuleActionProperty(block={}),
        statement=wafv2.CfnWebACL.StatementProperty(
            rate_based_statement=wafv2.CfnWebACL.RateBasedStatementProperty(
                aggregate_key_type="IP",
                limit=address_limit,
                evaluation_window_sec=_WINDOW_SECONDS,
            )
        ),
        visibility_config=_visible("AddressRate"),
    )
    return [limit] + [
        wafv2.CfnWebACL.RuleProperty(
            name=group,
            priority=priority,
            override_action=wafv2.CfnWebACL.OverrideActionProperty(none={}),
            statement=wafv2.CfnWebACL.StatementProperty(
                managed_rule_group_statement=wafv2.CfnWebACL.ManagedRuleGroupStatementProperty(
                    vendor_name="AWS",
                    name=group,
                    rule_action_overrides=[
                        wafv2.CfnWebACL.RuleActionOverrideProperty(
                            name=rule,
                            action_to_use=wafv2.CfnWebACL.RuleActionProperty(count={}),
                        )
                        for rule in counted
                    ]
                    or None,
                )
            ),
            visibility_config=_visible(group),
        )
        for priority, (group, counted) in enumerate(_MANAGED.items(), start=1)
    ]


def _visible(metric: str) -> wafv2.CfnWebACL.VisibilityConfigProperty:
    return wafv2.CfnWebACL.VisibilityConfigProperty(
        metric_name=metric, cloud_watch_metrics_enabled=True, sampled_requests_enabled=True
    )


def _protected(kind: str, keys: tuple[str, ...]) -> wafv2.CfnWebACL.DataProtectProperty:
    return wafv2.CfnWebACL.DataProtectProperty(
        action="SUBSTITUTION",
        field=wafv2.CfnWebACL.FieldToProtectProperty(
            field_type=kind, field_keys=list(keys) or None
        ),
    )
