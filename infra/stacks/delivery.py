"""The roles that workflows of the repository take on: one deploys, one compares."""

from collections.abc import Sequence
from typing import Any, Final

from aws_cdk import CfnOutput, DefaultStackSynthesizer, Duration, Fn, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.config import Config
from infra.rules import accept_wildcards

# https://docs.github.com/en/actions/reference/security/oidc
_ISSUER: Final = "token.actions.githubusercontent.com"
_AUDIENCE: Final = "sts.amazonaws.com"

# A first deployment makes the database, and a release shifts its traffic slowly.
_DEPLOYMENT: Final = Duration.hours(3)
_COMPARISON: Final = Duration.hours(1)

# Of `cdk bootstrap`, whose roles do what the command does.
# https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-env.html
_LOOKUP: Final = DefaultStackSynthesizer.DEFAULT_LOOKUP_ROLE_ARN
_DEPLOYING: Final = (
    DefaultStackSynthesizer.DEFAULT_DEPLOY_ROLE_ARN,
    DefaultStackSynthesizer.DEFAULT_FILE_ASSET_PUBLISHING_ROLE_ARN,
    DefaultStackSynthesizer.DEFAULT_IMAGE_ASSET_PUBLISHING_ROLE_ARN,
    _LOOKUP,
)


class DeliveryStack(Stack):
    """Trust in tokens that GitHub signs for one repository, and in no key that could be lost.

    A token says which environment of the repository a job runs in, hence whose approval it had;
    a job of a pull request has had none, and may look only.

    Attributes:
        deploy: What jobs in the environment of the same name take on.
        diff: What jobs of pull requests take on.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        repository: str,
        **kwargs: Any,
    ):
        """Create the roles.

        Args:
            scope: The app.
            construct_id: Identifier in the app.
            config: The environment's settings.
            repository: ``<owner>/<name>`` on GitHub.
            **kwargs: Of any stack.
        """
        super().__init__(scope, construct_id, **kwargs)
        self._provider = config.oidc_provider or self._own_provider()
        self.deploy = self._role(
            "Deploy",
            config.name("deploy"),
            subject=f"repo:{repository}:environment:{config.environment}",
            takes_on=_DEPLOYING,
            duration=_DEPLOYMENT,
        )
        # `quant config check` reads the variables of what was deployed, and no secret.
        self.deploy.add_to_policy(
            iam.PolicyStatement(actions=["lambda:ListFunctions"], resources=["*"])
        )
        accept_wildcards(self.deploy, "Lambda lists functions by no narrower resource.", "*")
        self.diff = self._role(
            "Diff",
            config.name("diff"),
            subject=f"repo:{repository}:pull_request",
            takes_on=(_LOOKUP,),
            duration=_COMPARISON,
        )

    def _own_provider(self) -> str:
        """Return the ARN of a provider made here, of which an account has one."""
        return iam.CfnOIDCProvider(
            self, "GitHub", url=f"https://{_ISSUER}", client_id_list=[_AUDIENCE]
        ).attr_arn

    def _role(
        self,
        construct_id: str,
        name: str,
        *,
        subject: str,
        takes_on: Sequence[str],
        duration: Duration,
    ) -> iam.Role:
        """Return a role that one subject of the repository may take on, to take on others."""
        role = iam.Role(
            self,
            construct_id,
            role_name=name,
            assumed_by=iam.FederatedPrincipal(
                self._provider,
                {"StringEquals": {f"{_ISSUER}:aud": _AUDIENCE, f"{_ISSUER}:sub": subject}},
                "sts:AssumeRoleWithWebIdentity",
            ),
            max_session_duration=duration,
        )
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["sts:AssumeRole"], resources=[self._of_bootstrap(arn) for arn in takes_on]
            )
        )
        CfnOutput(self, f"{construct_id}RoleArn", value=role.role_arn)
        return role

    def _of_bootstrap(self, arn: str) -> str:
        """Return the ARN of a role that `cdk bootstrap` has made in the stack's account."""
        return Fn.sub(arn.replace("${Qualifier}", DefaultStackSynthesizer.DEFAULT_QUALIFIER))
