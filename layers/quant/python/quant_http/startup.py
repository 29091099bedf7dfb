"""Settings a function needs, read while Lambda initialises it.

A function that cannot be initialised is never published (SnapStart runs the initialisation of
every version), so bad settings fail the deployment and not the first request.
"""

import os
from collections.abc import Callable
from typing import Final

from quant.settings import (
    AuditSettings,
    EmailSettings,
    ExportSettings,
    MlSettings,
    PasswordSettings,
    SigningSettings,
    TokenSettings,
    database_settings,
    edge_settings,
    limit_settings,
    valkey_settings,
)
from quant.tiers import EndpointClass
from quant_http.routes import Capability, Route, Secret, Store

_SETTINGS: Final[dict[str, tuple[Callable[[], object], ...]]] = {
    Store.POSTGRES: (database_settings,),
    Store.VALKEY: (valkey_settings, limit_settings),
    Secret.JWKS: (TokenSettings,),
    Secret.SIGNING_KEY: (SigningSettings,),
    Capability.AUDIT_QUEUE: (AuditSettings,),
    Capability.SEND_EMAIL: (EmailSettings,),
    Capability.EXPORTS: (ExportSettings,),
    Capability.ARTIFACTS: (MlSettings,),
    EndpointClass.AUTH: (PasswordSettings,),
}


def load_settings(route: Route) -> None:
    """Read all settings of a route's function.

    Outside Lambda, where the OpenAPI document is made from the same modules, it does nothing.

    Raises:
        quant.environment.SettingsError: One is missing or wrong.
    """
    if "AWS_LAMBDA_RUNTIME_API" not in os.environ:
        return
    edge_settings()
    for need in (*route.stores, *route.secrets, *route.capabilities, route.endpoint_class):
        for load in _SETTINGS.get(need, ()):
            load()
