"""The API: a function per route, the authorizer, the gateway and the usage plans."""

from typing import Any, Final

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.components.function import RouteFunction
from infra.components.rest_api import RestApi
from infra.config import TOKEN_AUDIENCE, Config
from infra.paths import LAYERS, Artefacts
from infra.stacks.data import DataStack
from infra.stacks.network import NetworkStack
from quant.tiers import TIERS
from quant_http.routes import ROUTES, Route, Secret

AUTHORIZER: Final = "authorizer.jwt"


class ApiStack(Stack):
    """Everything that a deployment of new code replaces.

    Attributes:
        functions: The function of each route, by the route's name.
        api: The REST API.
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
        self._config = config
        self._artefacts = artefacts
        self._network = network
        self._data = data
        self._layers = {name: self._layer(name) for name in LAYERS}

        authorizer = self._authorizer()
        self.api = RestApi(self, "Api", config=config, authorizer=authorizer.alias)
        keys = {name: self.api.add_tier(tier) for name, tier in TIERS.items()}
        for key in keys.values():
            key.grant_read(authorizer.role)
        self.functions = {route.name: self._function(route) for route in ROUTES}
        for route in ROUTES:
            self.api.add_route(route, self.functions[route.name].alias)
        authorizer.function.add_environment(
            "QUANT_API_KEY_SECRET_ARNS",
            self.to_json_string({name: key.secret_arn for name, key in keys.items()}),
        )

        CfnOutput(self, "ApiUrl", value=self.api.api.url)
        CfnOutput(self, "RestApiId", value=self.api.api.rest_api_id)
        CfnOutput(self, "StageName", value=self.api.api.deployment_stage.stage_name)
        CfnOutput(self, "SigningKeySecretArn", value=data.signing_key.secret_arn)
        CfnOutput(self, "JwksSecretArn", value=data.jwks.secret_arn)
        CfnOutput(self, "TokenIssuer", value=config.token_issuer)
        CfnOutput(self, "TokenAudience", value=TOKEN_AUDIENCE)

    def _layer(self, name: str) -> lambda_.LayerVersion:
        return lambda_.LayerVersion(
            self,
            f"{name.capitalize()}Layer",
            layer_version_name=self._config.name(name),
            code=lambda_.Code.from_asset(str(self._artefacts.layers / f"{name}.zip")),
            compatible_runtimes=[lambda_.Runtime.PYTHON_3_13],
        )

    def _token_environment(self) -> dict[str, str]:
        return {
            "QUANT_TOKEN_ISSUER": self._config.token_issuer,
            "QUANT_TOKEN_AUDIENCE": TOKEN_AUDIENCE,
            "QUANT_TOKEN_JWKS_SECRET_ARN": self._data.jwks.secret_arn,
        }

    def _authorizer(self) -> RouteFunction:
        authorizer = RouteFunction(
            self,
            "Authorizer",
            config=self._config,
            artefacts=self._artefacts,
            name=AUTHORIZER,
            layers=[self._layers["quant"], self._layers["auth"]],
            environment=self._token_environment(),
            memory_mb=512,
            timeout_s=5,
        )
        self._data.jwks.grant_read(authorizer.role)
        return authorizer

    def _function(self, route: Route) -> RouteFunction:
        stores = [self._data.stores[store] for store in sorted(route.stores)]
        layers = [self._layers["quant"], self._layers["api"]]
        environment = {
            name: value for store in stores for name, value in store.environment().items()
        }
        if Secret.JWKS in route.secrets:
            layers.append(self._layers["auth"])
            environment |= self._token_environment()
        function = RouteFunction(
            self,
            "".join(part.capitalize() for part in route.name.split(".")),
            config=self._config,
            artefacts=self._artefacts,
            name=route.name,
            layers=layers,
            environment=environment,
            memory_mb=route.memory_mb,
            timeout_s=route.timeout_s,
            bundles=route.bundles,
            vpc=self._network.vpc if stores else None,
            security_groups=[self._network.client_groups[store.store] for store in stores],
            reserved_concurrency=self._config.store_function_concurrency if stores else None,
        )
        for store in stores:
            store.grant_credentials(function.role)
        if Secret.JWKS in route.secrets:
            self._data.jwks.grant_read(function.role)
        return function
