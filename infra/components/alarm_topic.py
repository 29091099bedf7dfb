"""Where alarms and their ends are announced, for those who subscribe."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.components.alarm import ALARMS
from infra.config import Config


class AlarmTopic(Construct):
    """An encrypted topic, TLS only, that CloudWatch may publish to for this account's alarms.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html

    Attributes:
        topic: The topic.
    """

    def __init__(self, scope: Construct, construct_id: str, *, config: Config):
        super().__init__(scope, construct_id)
        key = kms.Key(
            self,
            "Key",
            alias=config.name(ALARMS),
            description="Encrypts what is announced of alarms",
            enable_key_rotation=True,
            # It encrypts nothing that is kept.
            removal_policy=RemovalPolicy.RETAIN if config.retain_data else RemovalPolicy.DESTROY,
        )
        # SNS's own key admits no other service.
        # https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
        key.add_to_resource_policy(
            _of_this_account(["kms:Decrypt", "kms:GenerateDataKey*"], "*", key.env.account)
        )
        self.topic = sns.Topic(
            self, "Topic", topic_name=config.name(ALARMS), master_key=key, enforce_ssl=True
        )
        self.topic.add_to_resource_policy(
            _of_this_account(["sns:Publish"], self.topic.topic_arn, key.env.account)
        )
        if config.alarm_email is not None:
            self.topic.add_subscription(subscriptions.EmailSubscription(config.alarm_email))


def _of_this_account(actions: list[str], resource: str, account: str) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        actions=actions,
        principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
        resources=[resource],
        conditions={"StringEquals": {"aws:SourceAccount": account}},
    )
