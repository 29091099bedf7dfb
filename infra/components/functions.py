"""Makes functions from what they need, each permitted that and no more."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as event_sources

from infra.components.function import HandlerFunction
from infra.components.function_alarm import alarm_of_events, alarm_of_requests
from infra.components.image_function import image_context
from infra.components.log_events import ARTIFACT_UNUSABLE, count_event
from infra.components.tracking import Tracking
from infra.components.traffic_shifting import TrafficShifting
from infra.config import TOKEN_AUDIENCE, Config
from infra.functions import FunctionNeeds, QueueSource
from infra.paths import Artefacts
from infra.rules import accept_keys
from infra.stacks.data import DataStack
from infra.stacks.network import NetworkStack
from quant.pipeline.queues import Queue
from quant_http.routes import Capability, Secret, Store

_TOKEN_SECRETS: Final = frozenset({Secret.JWKS, Secret.SIGNING_KEY})

_QUEUE_VARIABLES: Final = {
    Queue.FETCH: "QUANT_FETCH_QUEUE_URL",
    Queue.REPORTS: "QUANT_REPORTS_QUEUE_URL",
    Queue.DELIVERIES: "QUANT_DELIVERIES_QUEUE_URL",
}
# Lambda's poller takes no fewer.
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
_LEAST_CONCURRENCY: Final = 2


class FunctionFactory:
    """Adds functions, and the layers they have, to a stack.

    Args:
        scope: The stack.
        config: The environment's settings.
        artefacts: Where handlers and layers are.
        network: Where functions that use a store are placed.
        data: Stores, secrets, queues and buckets.
        public_url: Returns where links in mail lead; for a stack whose functions send some.
        tracking: What functions may call to tell of runs; for a stack whose functions do.
    """

    def __init__(
        self,
        scope: Stack,
        *,
        config: Config,
        artefacts: Artefacts,
        network: NetworkStack,
        data: DataStack,
        public_url: Callable[[], str] | None = None,
        tracking: Tracking | None = None,
    ):
        self._scope = scope
        self._config = config
        self._artefacts = artefacts
        self._network = network
        self._data = data
        self._public_url = public_url
        self._tracking = tracking
        self._layers: dict[str, lambda_.LayerVersion] = {}
        self._shifting: TrafficShifting | None = None

    def add(self, needs: FunctionNeeds, construct_id: str | None = None) -> HandlerFunction:
        """Add one function, with what feeds it."""
        stores = [self._data.stores[store] for store in sorted(needs.stores)]
        groups = [self._network.client_groups[store.store] for store in stores]
        stored = needs.objects or needs.anchors or needs.exports.writes or needs.models
        if stores and (stored or needs.answers_deployment):
            groups.append(self._network.bucket_clients)
        with self._code(needs) as code:
            function = HandlerFunction(
                self._scope,
                construct_id or needs.construct_id,
                config=self._config,
                artefacts=self._artefacts,
                name=needs.name,
                environment=self._environment(needs),
                memory_mb=needs.memory_mb,
                timeout_s=needs.timeout_s,
                storage_mb=needs.storage_mb,
                bundles=needs.bundles,
                vpc=self._network.vpc if stores else None,
                security_groups=groups,
                reserved_concurrency=(
                    self._config.concurrency[needs.concurrency] if needs.concurrency else None
                ),
                **code,
            )
        self._grant(needs, function.role)
        if needs.source is not None:
            self._feed(function, needs.source, needs.concurrency)
        if needs.loads_artifacts:
            count_event(function, ARTIFACT_UNUSABLE)
        if self._config.local is None:
            self._watch(needs, function)
        return function

    def _watch(self, needs: FunctionNeeds, function: HandlerFunction) -> None:
        """Give a function its alarm, by which its releases are judged if it answers requests.

        Not locally: LocalStack judges alarms of a single metric only, each by calls of its own
        every minute, and knows no CodeDeploy.
        """
        if not needs.answers_requests:
            alarm_of_events(function, config=self._config, name=needs.name)
            return
        failures = alarm_of_requests(function, config=self._config, name=needs.name)
        if self._config.shifts_traffic:
            if self._shifting is None:
                self._shifting = TrafficShifting(self._scope, "Shifting", config=self._config)
            self._shifting.shift(
                needs.construct_id,
                self._config.function_name(needs.name),
                function.alias,
                failures,
            )

    @contextmanager
    def _code(self, needs: FunctionNeeds) -> Iterator[dict[str, Any]]:
        """Yield what a function has its dependencies from: layers, or a container image."""
        if needs.image and self._config.local is None:
            with image_context(self._artefacts, needs.name, needs.layers) as folder:
                yield {"image": folder}
        else:
            yield {"layers": [self._layer(name) for name in needs.layers]}

    def _layer(self, name: str) -> lambda_.LayerVersion:
        """Return a layer of the stack's own, made for the first function that has it."""
        if name not in self._layers:
            self._layers[name] = lambda_.LayerVersion(
                self._scope,
                f"{name.capitalize()}Layer",
                layer_version_name=self._config.name(name),
                code=lambda_.Code.from_asset(str(self._artefacts.layers / f"{name}.zip")),
                compatible_runtimes=[lambda_.Runtime.PYTHON_3_13],
            )
        return self._layers[name]

    def _grant(self, needs: FunctionNeeds, role: iam.Role) -> None:
        for store in sorted(needs.stores):
            self._data.stores[store].login.grant(role)
        for secret in sorted(needs.secrets):
            self._data.secrets[secret].grant_read(role)
        queues = [self._data.queues[queue].queue.queue_arn for queue in sorted(needs.sends_to)]
        if Capability.AUDIT_QUEUE in needs.capabilities:
            queues.append(self._data.audit_queue.queue.queue_arn)
        if queues:
            role.add_to_policy(iam.PolicyStatement(actions=["sqs:SendMessage"], resources=queues))
        if needs.publishes:
            role.add_to_policy(
                iam.PolicyStatement(
                    actions=["events:PutEvents"], resources=[self._data.bus.event_bus_arn]
                )
            )
        self._data.raw.grant(role, needs.objects)
        self._data.exports.grant(role, needs.exports)
        self._data.ml.grant(role, needs.models)
        if needs.tracks:
            self._tracking_server().grant_calls(role)
        if needs.anchors:
            anchors = self._data.anchors.arn_for_objects("*")
            role.add_to_policy(iam.PolicyStatement(actions=["s3:PutObject"], resources=[anchors]))
            accept_keys(role, self._data.anchors, ["*"])
        if needs.owns_schema:
            self._data.database_owner.login.grant(role)
        if Capability.SEND_EMAIL in needs.capabilities:
            self._allow_mail(role)

    def _environment(self, needs: FunctionNeeds) -> dict[str, str]:
        environment: dict[str, str] = {}
        for store in sorted(needs.stores):
            environment |= self._data.stores[store].environment()
        if needs.secrets & _TOKEN_SECRETS:
            environment |= {
                "QUANT_TOKEN_ISSUER": self._config.token_issuer,
                "QUANT_TOKEN_AUDIENCE": TOKEN_AUDIENCE,
                "QUANT_TOKEN_JWKS_SECRET_ARN": self._arn(Secret.JWKS),
            }
        if Secret.SIGNING_KEY in needs.secrets:
            environment["QUANT_TOKEN_SIGNING_KEY_SECRET_ARN"] = self._arn(Secret.SIGNING_KEY)
        if Secret.WEBHOOK in needs.secrets:
            environment["QUANT_WEBHOOK_SECRET_ARN"] = self._arn(Secret.WEBHOOK)
        if Store.VALKEY in needs.stores and needs.concurrency is not None:
            # While Valkey is away each environment counts alone, so it may admit its share only.
            environment["QUANT_FALLBACK_SHARE"] = str(self._config.concurrency[needs.concurrency])
        if self._config.cors_origins and needs.serves_route:
            environment["QUANT_CORS_ORIGINS"] = json.dumps(self._config.cors_origins)
        if Capability.AUDIT_QUEUE in needs.capabilities:
            environment["QUANT_AUDIT_QUEUE_URL"] = self._data.audit_queue.queue.queue_url
        if Capability.SEND_EMAIL in needs.capabilities:
            environment |= {
                "QUANT_EMAIL_SENDER": self._config.email_sender,
                "QUANT_PUBLIC_URL": self._mail_leads_to(),
            }
        if needs.exports:
            environment |= {
                "QUANT_EXPORT_BUCKET": self._data.exports.bucket.bucket_name,
                "QUANT_EXPORTS_QUEUE_URL": self._data.queues[Queue.EXPORTS].queue.queue_url,
            }
        if needs.anchors:
            environment["QUANT_AUDIT_ANCHOR_BUCKET"] = self._data.anchors.bucket_name
        if needs.owns_schema:
            environment |= self._data.database_owner.owner_environment()
        return environment | self._pipeline_environment(needs) | self._ml_environment(needs)

    def _pipeline_environment(self, needs: FunctionNeeds) -> dict[str, str]:
        known = set(needs.sends_to)
        if needs.source is not None and needs.source.defers:
            known.add(needs.source.queue)
        environment = {
            _QUEUE_VARIABLES[queue]: self._data.queues[queue].queue.queue_url
            for queue in sorted(known & _QUEUE_VARIABLES.keys())
        }
        if needs.publishes:
            environment["QUANT_EVENT_BUS_NAME"] = self._data.bus.event_bus_name
        if needs.objects:
            environment["QUANT_RAW_BUCKET"] = self._data.raw.bucket.bucket_name
        if needs.collects:
            contact = self._config.collector_contact or self._config.email_sender
            environment["QUANT_COLLECTOR_CONTACT"] = contact
        if Secret.PRICES in needs.secrets:
            environment |= {
                "QUANT_COLLECTOR_PRICES_PROVIDER": self._config.prices_provider,
                "QUANT_COLLECTOR_PRICES_SECRET_ARN": self._arn(Secret.PRICES),
            }
        return environment

    def _ml_environment(self, needs: FunctionNeeds) -> dict[str, str]:
        environment = {}
        if needs.models:
            environment["QUANT_ML_BUCKET"] = self._data.ml.bucket.bucket_name
        if needs.tracks:
            environment |= self._tracking_server().environment()
        return environment

    def _tracking_server(self) -> Tracking:
        if self._tracking is None:
            msg = "what tells of runs is in a stack that knows the tracking server"
            raise ValueError(msg)
        return self._tracking

    def _mail_leads_to(self) -> str:
        if self._config.public_url is not None:
            return self._config.public_url
        if self._public_url is None:
            msg = "what sends mail is in a stack that knows the API's URL"
            raise ValueError(msg)
        return self._public_url()

    def _arn(self, secret: Secret) -> str:
        return self._data.secrets[secret].secret_arn

    def _allow_mail(self, role: iam.Role) -> None:
        """Let ``role`` send mail from the platform's address and no other."""
        identity = self._scope.format_arn(
            service="ses", resource="identity", resource_name=self._config.email_domain
        )
        role.add_to_policy(
            iam.PolicyStatement(
                # The second one sends mail with headers of its own, such as List-Unsubscribe.
                actions=["ses:SendEmail", "ses:SendRawEmail"],
                resources=[identity],
                conditions={"StringEquals": {"ses:FromAddress": self._config.email_sender}},
            )
        )

    def _feed(
        self, function: HandlerFunction, source: QueueSource, concurrency: str | None
    ) -> None:
        function.alias.add_event_source(
            event_sources.SqsEventSource(
                self._data.queues[source.queue].queue,
                batch_size=source.batch_size,
                max_concurrency=(
                    max(_LEAST_CONCURRENCY, self._config.concurrency[concurrency])
                    if concurrency
                    else None
                ),
                report_batch_item_failures=True,
            )
        )
