"""A state machine that has the parser read everything below a prefix of the raw documents."""

from typing import Final

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from infra.components.raw_bucket import BACKFILL_PREFIX, RawBucket
from infra.components.steps import accept_history, accept_map_policy, allow_traces
from infra.config import Config
from infra.functions import PARSE_CLASS
from infra.rules import accept_keys, accept_wildcards

_LABEL: Final = "Documents"  # of the map, in the names of its runs
# Postgres may be away for half an hour: 2 + 4 + ... + 512 s, then 600 s twice.
_ATTEMPTS: Final = 11
_FIRST_WAIT: Final = Duration.seconds(2)
_LONGEST_WAIT: Final = Duration.minutes(10)


class Backfill(Construct):
    """A Distributed Map over S3 keys, whose items are the same function's that S3 feeds.

    Its input is ``{"prefix": "raw/...", "tolerated_failure_percentage": 0 to 100}``.

    Attributes:
        machine: The state machine.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        raw: RawBucket,
        parser: lambda_.IFunction,
    ):
        super().__init__(scope, construct_id)
        batches = config.backfill_batch > 1
        parse = tasks.LambdaInvoke(
            self,
            "Parse",
            lambda_function=parser,
            # One item of a map without batches is the object itself.
            payload=sfn.TaskInput.from_object(
                {
                    "Items": sfn.JsonPath.list_at("$.Items")
                    if batches
                    else sfn.JsonPath.array(sfn.JsonPath.string_at("$"))
                }
            ),
            payload_response_only=True,
            retry_on_service_exceptions=False,
        )
        # Whatever is wrong with a document is recorded; what is raised may pass.
        parse.add_retry(
            errors=[sfn.Errors.ALL],
            interval=_FIRST_WAIT,
            backoff_rate=2,
            max_delay=_LONGEST_WAIT,
            max_attempts=_ATTEMPTS,
            jitter_strategy=sfn.JitterType.FULL,
        )
        documents = sfn.DistributedMap(
            self,
            "Documents",
            label=_LABEL,
            item_reader=sfn.S3ObjectsItemReader(
                bucket=raw.bucket, prefix=sfn.JsonPath.string_at("$.prefix")
            ),
            item_batcher=(
                sfn.ItemBatcher(max_items_per_batch=config.backfill_batch) if batches else None
            ),
            max_concurrency=config.concurrency[PARSE_CLASS],
            tolerated_failure_percentage_path="$.tolerated_failure_percentage",
            result_writer_v2=sfn.ResultWriterV2(bucket=raw.bucket, prefix=BACKFILL_PREFIX),
        )
        role = self._role(config, raw, parser)
        documents.item_processor(
            parse,
            mode=sfn.ProcessorMode.DISTRIBUTED,
            # Express executions end after five minutes, Postgres may be away for longer.
            execution_type=sfn.ProcessorType.STANDARD,
        )
        self.machine = sfn.StateMachine(
            self,
            "Machine",
            state_machine_name=config.name("backfill"),
            definition_body=sfn.DefinitionBody.from_chainable(documents),
            comment="Parses all raw documents below a prefix again.",
            # CDK would let it overwrite the raw documents, too.
            role=role.without_policy_updates(),
            tracing_enabled=config.traces,
        )
        accept_history(self.machine)
        accept_map_policy(self.machine, _LABEL)
        self.machine.node.add_dependency(role)

    def _role(self, config: Config, raw: RawBucket, parser: lambda_.IFunction) -> iam.Role:
        """Return the machine's role.

        https://docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-dist-map.html
        """
        stack = Stack.of(self)
        name = config.name("backfill")

        def arn(resource: str, rest: str) -> str:
            return stack.format_arn(
                service="states",
                resource=resource,
                resource_name=rest,
                arn_format=ArnFormat.COLON_RESOURCE_NAME,
            )

        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("states.amazonaws.com"))
        for actions, resource in (
            (["lambda:InvokeFunction"], parser.function_arn),
            (["s3:ListBucket"], raw.bucket.bucket_arn),
            (
                [
                    "s3:AbortMultipartUpload",
                    "s3:GetObject",
                    "s3:ListMultipartUploadParts",
                    "s3:PutObject",
                ],
                raw.bucket.arn_for_objects(f"{BACKFILL_PREFIX}/*"),
            ),
            (["states:StartExecution"], arn("stateMachine", name)),
            (["states:DescribeExecution", "states:StopExecution"], arn("execution", f"{name}:*")),
            (["states:RedriveExecution"], arn("execution", f"{name}/{_LABEL}:*")),
        ):
            role.add_to_policy(iam.PolicyStatement(actions=actions, resources=[resource]))
        allow_traces(role)
        accept_keys(role, raw.bucket, [f"{BACKFILL_PREFIX}/*"])
        accept_wildcards(
            role,
            "The runs of the machine and of its map, whose names Step Functions makes up.",
            f"states:execution:{name}:*",
            f"states:execution:{name}/{_LABEL}:*",
        )
        return role
