"""The schema of the database, brought up to the code before any of that is deployed."""

from typing import Any, Final

from aws_cdk import CustomResource, Duration, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.components.function import HandlerFunction
from infra.components.functions import FunctionFactory
from infra.components.stores import Login
from infra.config import Config
from infra.paths import Artefacts
from infra.schema_functions import MIGRATE, SCHEMA_FUNCTIONS
from infra.stacks.data import DataStack
from infra.stacks.network import NetworkStack
from quant.db.schema import SCHEMA_REVISION

# How much longer than the function may run CloudFormation waits for its answer, seconds.
_MARGIN_S: Final = 60


class SchemaStack(Stack):
    """The function that migrates, and the resource whose change has CloudFormation invoke it.

    It answers CloudFormation itself: the answer goes to S3, to which the VPC has a way. CDK's
    provider framework would add a function in another language, which the local cloud cannot run,
    to call this one and answer in its place.

    Attributes:
        functions: The function by its name.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        artefacts: Artefacts,
        network: NetworkStack,
        data: DataStack,
        **kwargs: Any,
    ):
        super().__init__(scope, construct_id, **kwargs)
        factory = FunctionFactory(
            self, config=config, artefacts=artefacts, network=network, data=data
        )
        needs = SCHEMA_FUNCTIONS[MIGRATE]
        function = factory.add(needs)
        self.functions = {MIGRATE: function}
        _let_make_keys(function, data)
        for role, login in data.role_logins.items():
            _let_set_password(function, role, login)
        CustomResource(
            self,
            "Revision",
            resource_type="Custom::Schema",
            service_token=function.alias.function_arn,
            service_timeout=Duration.seconds(needs.timeout_s + _MARGIN_S),
            properties={"SchemaRevision": SCHEMA_REVISION},
        )


def _let_make_keys(function: HandlerFunction, data: DataStack) -> None:
    secrets = [data.signing_key.secret_arn, data.jwks.secret_arn]
    function.role.add_to_policy(
        iam.PolicyStatement(actions=["secretsmanager:PutSecretValue"], resources=secrets)
    )


def _let_set_password(function: HandlerFunction, role: str, login: Login) -> None:
    login.grant(function.role)
    for name, value in login.environment(f"QUANT_ROLES_{role.upper()}").items():
        function.function.add_environment(name, value)
