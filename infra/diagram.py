"""Draws the stacks from their templates: what calls, feeds, reads and writes what.

``make snapshot`` writes the drawing into docs/architecture.md.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from infra.references import Place, References, Template

# A resource of these types is a node of its own, in Mermaid's shape.
_SHAPES: Final = {
    "AWS::Backup::BackupVault": ('[("', '")]'),
    "AWS::ECS::Service": ('["', '"]'),
    "AWS::ElastiCache::ServerlessCache": ('[("', '")]'),
    "AWS::Events::EventBus": ('{{"', '"}}'),
    "AWS::RDS::DBCluster": ('[("', '")]'),
    "AWS::RDS::DBProxy": ('["', '"]'),
    "AWS::S3::Bucket": ('[("', '")]'),
    "AWS::SNS::Topic": ('{{"', '"}}'),
    "AWS::SQS::Queue": ('[/"', '"/]'),
    "AWS::StepFunctions::StateMachine": ('[["', '"]]'),
    "AWS::WAFv2::WebACL": ('["', '"]'),
    "AWS::ApiGateway::RestApi": ('["', '"]'),
    "AWS::ApiGatewayV2::Api": ('["', '"]'),
    "AWS::RDS::DBInstance": ('[("', '")]'),
}
_LABELS: Final = {
    "AWS::ApiGateway::RestApi": "REST API",
    "AWS::ApiGatewayV2::Api": "API of the tracking server",
    "AWS::Backup::BackupVault": "backup vault",
    "AWS::ECS::Service": "tracking server",
    "AWS::ElastiCache::ServerlessCache": "Valkey",
    "AWS::Events::EventBus": "event bus",
    "AWS::RDS::DBCluster": "PostgreSQL",
    "AWS::RDS::DBInstance": "PostgreSQL",
    "AWS::RDS::DBProxy": "RDS proxy",
    "AWS::WAFv2::WebACL": "web ACL",
}
_ROUTE_STACKS: Final = ("Disclosures", "Accounts", "Analytics", "Api")
_VERBS: Final = (
    ("s3:GetObject", "reads"),
    ("s3:PutObject", "writes"),
    ("sqs:SendMessage", "sends"),
    ("events:PutEvents", "publishes"),
    ("sns:Publish", "publishes"),
    ("states:StartExecution", "starts"),
    ("lambda:InvokeFunction", "invokes"),
    ("execute-api:Invoke", "calls"),
    ("rds-db:connect", "queries"),
)
# Stores that functions know by an address in their environment.
_STORES: Final = {
    "AWS::RDS::DBInstance": "queries",
    "AWS::RDS::DBCluster": "queries",
    "AWS::RDS::DBProxy": "queries",
    "AWS::ElastiCache::ServerlessCache": "queries",
}
_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]*|\d+")


def diagram(templates: Mapping[str, Template], prefix: str) -> str:
    """Return the drawing as a flowchart of Mermaid.

    Args:
        templates: Templates of one environment by stack.
        prefix: What physical names begin with, such as ``quant-prod-``.
    """
    return _Drawing(References(templates, prefix)).text()


class _Drawing:
    """Nodes are resources, or all functions of an area or a folder; edges are their references."""

    def __init__(self, references: References):
        self._all = references
        self._dead_letters = {
            target
            for place, properties in references.of_type("AWS::SQS::Queue")
            for target in references.targets(place.stack, properties.get("RedrivePolicy"))
        }
        self._groups = dict(self._group_functions())
        self._nodes = self._name_nodes()
        self._edges: dict[tuple[str, str], set[str]] = defaultdict(set)

    def text(self) -> str:
        for add in (
            self._add_api,
            self._add_functions,
            self._add_feeds,
            self._add_schedules,
            self._add_machines,
            self._add_servers,
            self._add_databases,
            self._add_backups,
            self._add_alarms,
        ):
            add()
        used = {node for edge in self._edges for node in edge}
        lines = ["flowchart LR", '  client(("client"))']
        lines += self._subgraphs(used)
        lines += [
            f"  {source} -->|{', '.join(sorted(verbs))}| {target}"
            for (source, target), verbs in sorted(self._edges.items())
        ]
        return "\n".join(lines)

    def _group_functions(self) -> Iterator[tuple[Place, tuple[str, str]]]:
        """Yield for each function stack and name of its group: routes by area, else by folder."""
        routed = self._routed()
        for place, properties in self._all.of_type("AWS::Lambda::Function"):
            folder = _handler(properties).partition(".")[0]
            if place in routed and place.stack in _ROUTE_STACKS:
                yield place, (place.stack, "routes")
            else:
                yield place, (place.stack, folder)

    def _routed(self) -> set[Place]:
        return {
            function
            for place, properties in self._all.of_type("AWS::ApiGateway::Method")
            for function in self._functions(place.stack, properties.get("Integration"))
        }

    def _functions(self, stack: str, value: Any) -> set[Place]:
        """Return the functions that a value refers to, by an alias or a name."""
        found = set()
        for target in self._all.targets(stack, value):
            kind = self._all.kind(target)
            if kind == "AWS::Lambda::Alias":
                alias = self._all.properties(target)["FunctionName"]
                found |= self._functions(target.stack, alias)
            elif kind == "AWS::Lambda::Function":
                found.add(target)
        return found

    def _name_nodes(self) -> dict[Place, str]:
        """Return the node of each resource that has one."""
        nodes = {
            place: f"{place.stack}_{_plain(place.name)}"
            for place, _ in self._all.of_type(*_SHAPES)
            if place not in self._dead_letters
        }
        return nodes | {place: "_".join(group) for place, group in self._groups.items()}

    def _subgraphs(self, used: set[str]) -> Iterator[str]:
        stacks: dict[str, dict[str, str]] = defaultdict(dict)
        sizes: dict[tuple[str, str], int] = defaultdict(int)
        for group in self._groups.values():
            sizes[group] += 1
        for (stack, name), size in sizes.items():
            plural = "s" if size > 1 else ""
            stacks[stack][f"{stack}_{name}"] = f'(["{name}: {size} function{plural}"])'
        for place, node in self._nodes.items():
            if place not in self._groups:
                opening, closing = _SHAPES[self._all.kind(place)]
                stacks[place.stack][node] = f"{opening}{self._label(place)}{closing}"
        for stack, nodes in sorted(stacks.items()):
            drawn = sorted(item for item in nodes.items() if item[0] in used)
            if drawn:
                yield f"  subgraph {stack}"
                yield from (f"    {node}{shape}" for node, shape in drawn)
                yield "  end"
        if "schedules" in used:
            yield '  schedules(["EventBridge schedules"])'
        if "alarms" in used:
            number = len(list(self._all.of_type("AWS::CloudWatch::Alarm")))
            yield f'  alarms(["{number} alarms"])'

    def _label(self, place: Place) -> str:
        kind = self._all.kind(place)
        if kind in _LABELS:
            return _LABELS[kind]
        words = _WORDS.findall(_plain(place.name))
        noun = {"AWS::S3::Bucket": "bucket", "AWS::SQS::Queue": "queue", "AWS::SNS::Topic": "topic"}
        last = noun.get(kind, "machine")
        words = [word.lower() for word in words if word.lower() != last]
        return " ".join([*words, last])

    def _link(self, source: str, target: str, verb: str) -> None:
        if source != target:
            self._edges[source, target].add(verb)

    def _link_to(self, source: str, places: Iterable[Place], verb: str) -> None:
        for place in places:
            if place in self._nodes:
                self._link(source, self._nodes[place], verb)

    def _add_api(self) -> None:
        for place, _ in self._all.of_type("AWS::ApiGateway::RestApi"):
            api = self._nodes[place]
            guards = [at for at, _ in self._all.of_type("AWS::WAFv2::WebACL")]
            self._link("client", self._nodes[guards[0]] if guards else api, "requests")
            self._link_to(self._nodes[guards[0]] if guards else api, [place], "admits")
            for method, properties in self._all.of_type("AWS::ApiGateway::Method"):
                functions = self._functions(method.stack, properties.get("Integration"))
                self._link_to(api, functions, "invokes")
            for authorizer, properties in self._all.of_type("AWS::ApiGateway::Authorizer"):
                functions = self._functions(authorizer.stack, properties["AuthorizerUri"])
                self._link_to(api, functions, "asks")

    def _add_functions(self) -> None:
        for place in self._groups:
            properties = self._all.properties(place)
            source = self._nodes[place]
            variables = properties.get("Environment", {}).get("Variables", {})
            for target in self._all.targets(place.stack, variables):
                verb = _STORES.get(self._all.kind(target))
                if verb:
                    self._link_to(source, [target], verb)
            self._add_grants(source, self._all.targets(place.stack, properties["Role"]))

    def _add_grants(self, source: str, roles: Iterable[Place]) -> None:
        """Link a node with what its roles may use."""
        for role in roles:
            for stack, statement in self._statements(role):
                actions = statement["Action"]
                for action, verb in _VERBS:
                    if action in ([actions] if isinstance(actions, str) else actions):
                        resources = self._all.targets(stack, statement["Resource"])
                        self._link_to(source, resources, verb)
                        functions = self._functions(stack, statement["Resource"])
                        self._link_to(source, functions, verb)

    def _statements(self, role: Place) -> Iterator[tuple[str, dict[str, Any]]]:
        properties = self._all.resources[role].get("Properties", {})
        for policy in properties.get("Policies", ()):
            for statement in policy["PolicyDocument"]["Statement"]:
                yield role.stack, statement
        for place, policy in self._all.of_type("AWS::IAM::Policy"):
            if role in self._all.targets(place.stack, policy.get("Roles", [])):
                for statement in policy["PolicyDocument"]["Statement"]:
                    yield place.stack, statement

    def _add_feeds(self) -> None:
        for place, properties in self._all.of_type("AWS::Lambda::EventSourceMapping"):
            functions = self._functions(place.stack, properties["FunctionName"])
            for queue in self._all.targets(place.stack, properties["EventSourceArn"]):
                if queue in self._nodes:
                    self._link_to(self._nodes[queue], functions, "feeds")
        for bucket, properties in self._all.of_type("AWS::S3::Bucket"):
            told = self._all.targets(bucket.stack, properties.get("NotificationConfiguration"))
            self._link_to(self._nodes[bucket], told, "tells")
        for place, properties in self._all.of_type("AWS::Events::Rule"):
            targets = self._all.targets(place.stack, properties.get("Targets"))
            if "ScheduleExpression" in properties:
                functions = self._functions(place.stack, properties.get("Targets"))
                self._link_to("schedules", functions, "invoke")
            for bus in self._all.targets(place.stack, properties.get("EventBusName")):
                self._link_to(self._nodes[bus], targets, "routes to")

    def _add_schedules(self) -> None:
        for place, properties in self._all.of_type("AWS::Scheduler::Schedule"):
            arn = properties["Target"]["Arn"]
            self._link_to("schedules", self._functions(place.stack, arn), "invoke")
            self._link_to("schedules", self._all.targets(place.stack, arn), "start")

    def _add_machines(self) -> None:
        for place, properties in self._all.of_type("AWS::StepFunctions::StateMachine"):
            roles = self._all.targets(place.stack, properties["RoleArn"])
            self._add_grants(self._nodes[place], roles)

    def _add_servers(self) -> None:
        for place, properties in self._all.of_type("AWS::ECS::Service"):
            node = self._nodes[place]
            for task in self._all.targets(place.stack, properties["TaskDefinition"]):
                definition = self._all.properties(task)
                containers = definition["ContainerDefinitions"]
                for target in self._all.targets(task.stack, containers):
                    verb = _STORES.get(self._all.kind(target))
                    if verb:
                        self._link_to(node, [target], verb)
                self._add_grants(node, self._all.targets(task.stack, definition["TaskRoleArn"]))
            for api, _ in self._all.of_type("AWS::ApiGatewayV2::Api"):
                if api.stack == place.stack:
                    self._link(self._nodes[api], node, "passes on")

    def _add_databases(self) -> None:
        for place, properties in self._all.of_type("AWS::RDS::DBProxyTargetGroup"):
            databases = self._all.targets(
                place.stack,
                [properties.get("DBInstanceIdentifiers"), properties.get("DBClusterIdentifiers")],
            )
            for proxy in self._all.targets(place.stack, properties["DBProxyName"]):
                self._link_to(self._nodes[proxy], databases, "queries")

    def _add_backups(self) -> None:
        vaults = {
            vault
            for place, properties in self._all.of_type("AWS::Backup::BackupPlan")
            for vault in self._all.targets(place.stack, properties)
        }
        for place, properties in self._all.of_type("AWS::Backup::BackupSelection"):
            for kept in self._all.targets(place.stack, properties):
                if kept in self._nodes:
                    self._link_to(self._nodes[kept], vaults, "is copied to")

    def _add_alarms(self) -> None:
        for place, properties in self._all.of_type("AWS::CloudWatch::Alarm"):
            told = self._all.targets(place.stack, properties.get("AlarmActions", []))
            self._link_to("alarms", told, "notify")


def _handler(properties: Mapping[str, Any]) -> str:
    if properties.get("PackageType") == "Image":
        return str(properties["ImageConfig"]["Command"][0])
    return str(properties["Handler"])


def _plain(logical_id: str) -> str:
    """Return a logical id without CDK's hash."""
    return re.sub(r"[0-9A-F]{8}$", "", logical_id)
