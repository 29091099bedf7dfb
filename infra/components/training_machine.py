"""State machines of machine learning: one trains and predicts, the other predicts."""

from collections.abc import Mapping
from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.components.function import HandlerFunction
from infra.components.ml_bucket import MlBucket
from infra.components.steps import (
    accept_history,
    accept_map_policy,
    allow_map_runs,
    machine_role,
    step,
)
from infra.config import Config
from infra.functions import EVENT_CLASS
from infra.ml_functions import (
    ALIAS,
    EVALUATE,
    FIT,
    MONITOR,
    PREDICT,
    PREPARE,
    PUBLISH,
    REGISTER,
)
from infra.rules import accept_keys
from quant.ml.layout import RUNS

_LABEL: Final = "Fits"  # of the map, in the names of its runs

Functions = Mapping[str, HandlerFunction]


class PredictionMachine(Construct):
    """Predicts, then joins what has come true and measures drift.

    Attributes:
        machine: The state machine.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, config: Config, functions: Functions
    ):
        super().__init__(scope, construct_id)
        role = machine_role(self, [functions[name] for name in (PREDICT, MONITOR)])
        self.machine = sfn.StateMachine(
            self,
            "Machine",
            state_machine_name=config.name("prediction"),
            definition_body=sfn.DefinitionBody.from_chainable(_predict(self, functions)),
            comment="Predicts from the newest data, and monitors what was predicted before.",
            timeout=Duration.hours(3),
            role=role.without_policy_updates(),
            tracing_enabled=config.traces,
        )
        accept_history(self.machine)
        self.machine.node.add_dependency(role)


class TrainingMachine(Construct):
    """Trains every model anew; a challenger that is better becomes champion and predicts.

    Each step finds what it did before: an execution that failed goes on by a redrive, and one that
    starts again on the same data makes no second version.

    Attributes:
        machine: The state machine.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        functions: Functions,
        bucket: MlBucket,
    ):
        super().__init__(scope, construct_id)
        name = config.name("training")
        role = self._role(name, functions, bucket)
        self.machine = sfn.StateMachine(
            self,
            "Machine",
            state_machine_name=name,
            definition_body=sfn.DefinitionBody.from_chainable(
                step(self, "Prepare", functions[PREPARE])
                .next(self._fits(config, functions, bucket))
                .next(self._models(config, functions))
                .next(_predict(self, functions))
            ),
            comment="Trains every model; the better ones become champions and predict.",
            timeout=Duration.hours(12),
            # CDK would let it write to the bucket, too.
            role=role.without_policy_updates(),
            tracing_enabled=config.traces,
        )
        accept_history(self.machine)
        accept_map_policy(self.machine, _LABEL)
        self.machine.node.add_dependency(role)

    def _fits(self, config: Config, functions: Functions, bucket: MlBucket) -> sfn.DistributedMap:
        """Return the map over the plan, an array of JSON in the bucket."""
        fits = sfn.DistributedMap(
            self,
            _LABEL,
            label=_LABEL,
            item_reader=sfn.S3JsonItemReader(
                bucket=bucket.bucket, key=sfn.JsonPath.string_at("$.plan.key")
            ),
            max_concurrency=config.fits_at_a_time,
            # Without one of its fits a model has no record.
            tolerated_failure_percentage=0,
            result_path=sfn.JsonPath.DISCARD,
        )
        fits.item_processor(
            step(self, "Fit", functions[FIT]),
            mode=sfn.ProcessorMode.DISTRIBUTED,
            # Express executions end after five minutes, a fit may take longer.
            execution_type=sfn.ProcessorType.STANDARD,
        )
        return fits

    def _models(self, config: Config, functions: Functions) -> sfn.Map:
        """Return the map over the run's models; a step takes what the one before it answers."""
        models = sfn.Map(
            self,
            "Models",
            items_path="$.models",
            max_concurrency=config.concurrency[EVENT_CLASS],
            result_path=sfn.JsonPath.DISCARD,
        )
        return models.item_processor(
            step(self, "Evaluate", functions[EVALUATE])
            .next(step(self, "Register", functions[REGISTER]))
            .next(step(self, "Publish", functions[PUBLISH]))
            .next(step(self, "Alias", functions[ALIAS]))
        )

    def _role(self, name: str, functions: Functions, bucket: MlBucket) -> iam.Role:
        role = machine_role(self, functions.values())
        plans = bucket.bucket.arn_for_objects(f"{RUNS}/*/plan.json")
        role.add_to_policy(iam.PolicyStatement(actions=["s3:GetObject"], resources=[plans]))
        accept_keys(role, bucket.bucket, [f"{RUNS}/*/plan.json"])
        allow_map_runs(role, name, _LABEL)
        return role


def _predict(scope: Construct, functions: Functions) -> sfn.Chain:
    return step(scope, "Predict", functions[PREDICT]).next(
        step(scope, "Monitor", functions[MONITOR])
    )
