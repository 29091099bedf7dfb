"""The functions of the routes of one area, made before the API that calls them."""

from collections.abc import Mapping
from typing import Any

from aws_cdk import Stack
from constructs import Construct

from infra.components.functions import FunctionFactory
from infra.config import Config
from infra.functions import AREA_FUNCTIONS, Area, FunctionNeeds
from infra.paths import Artefacts
from infra.stacks.data import DataStack
from infra.stacks.network import NetworkStack


class AreaStack(Stack):
    """The functions of an area's routes.

    The API names them by what they are called and imports nothing of theirs: CloudFormation
    would refuse to remove what another stack still imports (docs/adr/0019).

    Attributes:
        functions: Every function by its name.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        area: Area,
        config: Config,
        artefacts: Artefacts,
        network: NetworkStack,
        data: DataStack,
        further: Mapping[str, FunctionNeeds] | None = None,
        **kwargs: Any,
    ):
        """Create the functions.

        Args:
            scope: Parent construct.
            construct_id: Identifier below the parent.
            area: Which area.
            config: The environment's settings.
            artefacts: Where handlers and layers are.
            network: Where functions that use a store are placed.
            data: Stores, secrets, queues and buckets.
            further: Needs of functions beside those of routes.
            kwargs: Of the stack.
        """
        super().__init__(scope, construct_id, **kwargs)
        factory = FunctionFactory(
            self, config=config, artefacts=artefacts, network=network, data=data
        )
        self.functions = {
            name: factory.add(needs)
            for name, needs in {**AREA_FUNCTIONS[area], **(further or {})}.items()
        }
