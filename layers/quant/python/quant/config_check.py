"""Check a configuration as a whole, before the first user meets it.

The settings classes say what each variable must be; what they cannot see one by one is here: what
is missing altogether, what does not belong in production, and whether the secrets behind the
variables are any good. Nothing here ever shows a secret.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import parseaddr
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit

from quant.environment import TRUE, Settings, SettingsError
from quant.errors import QuantError
from quant.keys import KeyRing
from quant.secrets import read_secret
from quant.settings import (
    AnchorSettings,
    ApiKeySettings,
    AuditSettings,
    CollectorSettings,
    Credentials,
    DatabaseAuth,
    DatabaseOwnerSettings,
    DatabaseSettings,
    EdgeSettings,
    EmailSettings,
    Environment,
    ExportSettings,
    LimitSettings,
    MlSettings,
    PasswordSettings,
    QueueSettings,
    RawSettings,
    RoleSettings,
    SigningSettings,
    TrackingSettings,
    ValkeySettings,
    WebhookSettings,
)
from quant.strength import weakness
from quant.tiers import TIERS

SETTINGS: Final[tuple[type[Settings], ...]] = (
    DatabaseSettings,
    DatabaseOwnerSettings,
    RoleSettings,
    ValkeySettings,
    SigningSettings,
    ApiKeySettings,
    AuditSettings,
    AnchorSettings,
    PasswordSettings,
    EmailSettings,
    LimitSettings,
    EdgeSettings,
    RawSettings,
    CollectorSettings,
    QueueSettings,
    WebhookSettings,
    ExportSettings,
    MlSettings,
    TrackingSettings,
)

# The private key of RFC 8037, appendix A.1, and of every tutorial that copied it.
_KNOWN_PUBLIC_KEYS: Final = frozenset({"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})
_KNOWN_USERS: Final = frozenset({"admin", "default", "postgres", "root"})
_LOCAL_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0"})  # noqa: S104
_ARN: Final = re.compile(
    r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+"
)
_SECRET_NAME: Final = re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}")
_DATABASE_SECRETS: Final = frozenset(
    {"QUANT_DATABASE_SECRET_ARN", "QUANT_DATABASE_OWNER_SECRET_ARN"}
)
_ROLE_SECRETS: Final = frozenset(RoleSettings.variables().values())
_CREDENTIALS: Final = _DATABASE_SECRETS | _ROLE_SECRETS | {"QUANT_VALKEY_SECRET_ARN"}


class Severity(StrEnum):
    """What a finding means for a deployment."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong with a configuration.

    Attributes:
        variable: Where it is wrong.
        code: Stable name of the rule broken.
        message: What is wrong; never a value.
        severity: Whether a deployment must fail.
    """

    variable: str
    code: str
    message: str
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        return f"{self.severity}: {self.variable}: {self.message}"


KNOWN: Final = frozenset(
    variable for settings in SETTINGS for variable in settings.variables().values()
)
# A function has the queues it sends to; the system as a whole has all of them.
_QUEUES: Final = tuple(QueueSettings.variables().values())
_PLAIN_URLS: Final = (
    "QUANT_PUBLIC_URL",
    "QUANT_TOKEN_ISSUER",
    "QUANT_AUDIT_QUEUE_URL",
    "QUANT_EXPORTS_QUEUE_URL",
    "QUANT_TRACKING_URI",
    *(variable for variable in _QUEUES if variable.endswith("_URL")),
    *(variable for variable in CollectorSettings.variables().values() if variable.endswith("_URL")),
)
# Every other setting has one value in all functions.
_PER_FUNCTION: Final = frozenset({"QUANT_FALLBACK_SHARE"})


def check_variables(variables: Mapping[str, str]) -> list[Finding]:
    """Return what is wrong with the environment variables of the whole system."""
    findings: list[Finding] = []
    for settings in SETTINGS:
        findings += _check_settings(settings, variables)
    findings += _queues(variables)
    findings += _unknown(variables)
    findings += _formats(variables)
    if variables.get("QUANT_ENVIRONMENT") != Environment.LOCAL:
        findings += _deployed_rules(variables)
    return list(dict.fromkeys(findings))


def _check_settings(settings: type[Settings], variables: Mapping[str, str]) -> Iterator[Finding]:
    try:
        settings.of(variables)
    except SettingsError as error:
        for fault in error.faults:
            yield Finding(fault.variable, "missing" if fault.missing else "invalid", fault.message)


def _queues(variables: Mapping[str, str]) -> Iterator[Finding]:
    for variable in _QUEUES:
        if variable not in variables:
            yield Finding(variable, "missing", "no function sends to it")


def _is_json(value: str) -> bool:
    try:
        json.loads(value)
    except ValueError:
        return False
    return True


def _unknown(variables: Mapping[str, str]) -> Iterator[Finding]:
    for variable in variables:
        if variable.startswith("QUANT_") and variable not in KNOWN:
            if re.search(r"(PASSWORD|SECRET|KEY|TOKEN)$", variable):
                yield Finding(variable, "secret", "secrets do not belong in the environment")
            else:
                yield Finding(
                    variable, "unknown", "no setting reads this variable", Severity.WARNING
                )


def _formats(variables: Mapping[str, str]) -> Iterator[Finding]:
    for variable, value in variables.items():
        if variable.startswith("QUANT_") and value != value.strip():
            yield Finding(variable, "invalid", "has white space around it")
    for variable, arn in _secret_arns(variables):
        if not _SECRET_NAME.fullmatch(arn) and not _ARN.fullmatch(arn):
            yield Finding(variable, "invalid", "is neither the ARN nor the name of a secret")
    sender = variables.get("QUANT_EMAIL_SENDER")
    if sender and not re.fullmatch(
        r"[^@\s]+@[^@\s]+\.[^@\s]+|[^@\s]+@localhost", parseaddr(sender)[1]
    ):
        yield Finding("QUANT_EMAIL_SENDER", "invalid", "is not an e-mail address")
    for variable in _PLAIN_URLS:
        url = variables.get(variable)
        if url and not _is_plain_url(url):
            yield Finding(variable, "invalid", "is not a plain http or https URL")


def _is_plain_url(value: str) -> bool:
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return False
    plain = not (parts.query or parts.fragment or parts.username or parts.password)
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and plain


def _secret_arns(variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for variable, value in variables.items():
        if variable in KNOWN and variable.endswith("_SECRET_ARN"):
            yield variable, value
    tiers = variables.get("QUANT_API_KEY_SECRET_ARNS", "{}")
    if _is_json(tiers) and isinstance(json.loads(tiers), dict):
        for arn in json.loads(tiers).values():
            yield "QUANT_API_KEY_SECRET_ARNS", str(arn)


def _deployed_rules(variables: Mapping[str, str]) -> Iterator[Finding]:
    """Rules outside ``local``; an environment without a name is treated as the strictest."""
    if variables.get("QUANT_DATABASE_AUTH") != DatabaseAuth.IAM:
        yield Finding("QUANT_DATABASE_AUTH", "password", "must be iam")
    else:
        for variable in sorted(_DATABASE_SECRETS & variables.keys()):
            yield Finding(variable, "unused", "IAM logs in without a secret", Severity.WARNING)
    for variable in ("QUANT_DATABASE_TLS", "QUANT_VALKEY_TLS"):
        if variables.get(variable, "true").lower() not in TRUE:
            yield Finding(variable, "tls", "TLS must be on")
    for variable in _PLAIN_URLS:
        if variable in variables and urlsplit(variables[variable]).scheme != "https":
            yield Finding(variable, "https", "must be an https URL")
    for variable, arn in _secret_arns(variables):
        if not _ARN.fullmatch(arn):
            yield Finding(variable, "arn", "must be the full ARN of a secret")
    yield from _no_local_places(variables)
    yield from _no_debugging(variables)
    yield from _origins(variables.get("QUANT_CORS_ORIGINS", "[]"))


def _no_local_places(variables: Mapping[str, str]) -> Iterator[Finding]:
    for variable in ("QUANT_DATABASE_HOST", "QUANT_VALKEY_HOST"):
        if variables.get(variable) in _LOCAL_HOSTS:
            yield Finding(variable, "local", "names this machine")
    for variable in _PLAIN_URLS:
        if _points_here(variables.get(variable, "")):
            yield Finding(variable, "local", "names this machine")
    for variable in variables:
        if variable.startswith("AWS_ENDPOINT_URL"):
            yield Finding(variable, "local", "sends AWS calls elsewhere")


def _no_debugging(variables: Mapping[str, str]) -> Iterator[Finding]:
    for variable in ("POWERTOOLS_DEV", "POWERTOOLS_LOGGER_LOG_EVENT"):
        if variables.get(variable, "").lower() in TRUE:
            # Events carry the Authorization header.
            yield Finding(variable, "debug", "must be off")
    if variables.get("QUANT_ENVIRONMENT") == Environment.DEV:
        return
    for variable in ("POWERTOOLS_LOG_LEVEL", "LOG_LEVEL"):
        if variables.get(variable, "").upper() in {"DEBUG", "NOTSET", "TRACE"}:
            yield Finding(variable, "debug", "must be INFO or higher")


def _points_here(url: str) -> bool:
    return urlsplit(url).hostname in _LOCAL_HOSTS


def _origins(value: str) -> Iterator[Finding]:
    origins = json.loads(value) if _is_json(value) else []
    for origin in origins if isinstance(origins, list) else []:
        if "*" in str(origin):
            yield Finding("QUANT_CORS_ORIGINS", "wildcard", "must not have a wildcard")
        elif _points_here(str(origin)):
            yield Finding("QUANT_CORS_ORIGINS", "local", "names this machine")


def check_secrets(
    variables: Mapping[str, str], read: Callable[[str], str] = read_secret
) -> list[Finding]:
    """Return what is wrong with the secrets that the variables name.

    Outside ``local`` a weak secret is an error, there a warning.

    Args:
        variables: Environment variables of the whole system.
        read: Reads a secret.
    """
    local = variables.get("QUANT_ENVIRONMENT") == Environment.LOCAL
    severity = Severity.WARNING if local else Severity.ERROR
    contents: dict[tuple[str, str], str] = {}
    findings = []
    for variable, arn in _secret_arns(variables):
        try:
            contents[variable, arn] = read(arn)
        except Exception as error:  # noqa: BLE001 - whatever it is, its name may be shown alone
            findings.append(
                Finding(variable, "unreadable", f"cannot be read: {type(error).__name__}")
            )
    for (variable, _), content in contents.items():
        if variable in _CREDENTIALS:
            findings += _check_credentials(variable, content, severity)
        elif variable in {"QUANT_API_KEY_SECRET_ARNS", "QUANT_WEBHOOK_SECRET_ARN"}:
            findings += _check_strength(variable, content, severity)
    findings += _check_api_keys(variables, contents)
    findings += _check_keys(contents)
    return list(dict.fromkeys(findings))


def _check_strength(variable: str, secret: str, severity: Severity) -> Iterator[Finding]:
    reason = weakness(secret)
    if reason is not None:
        yield Finding(variable, "weak", f"the secret is {reason}", severity)


def _check_credentials(variable: str, content: str, severity: Severity) -> Iterator[Finding]:
    try:
        credentials = Credentials.from_json(content)
    except ValueError:
        yield Finding(variable, "invalid", "the secret has no user name and password")
        return
    if credentials.username.lower() in _KNOWN_USERS:
        yield Finding(variable, "default", "the user is one every server has", severity)
    yield from _check_strength(variable, credentials.password.get_secret_value(), severity)


def _check_api_keys(
    variables: Mapping[str, str], contents: Mapping[tuple[str, str], str]
) -> Iterator[Finding]:
    variable = "QUANT_API_KEY_SECRET_ARNS"
    tiers = variables.get(variable)
    if tiers is None or not _is_json(tiers):
        return
    missing = TIERS.keys() - json.loads(tiers)
    if missing:
        yield Finding(variable, "missing", f"names no key of {', '.join(sorted(missing))}")
    keys = [content for (name, _), content in contents.items() if name == variable]
    if len(set(keys)) < len(keys):
        yield Finding(variable, "shared", "two tiers share a key")


def _check_keys(contents: Mapping[tuple[str, str], str]) -> Iterator[Finding]:
    by_variable = {variable: content for (variable, _), content in contents.items()}
    private = by_variable.get("QUANT_TOKEN_SIGNING_KEY_SECRET_ARN")
    public = by_variable.get("QUANT_TOKEN_JWKS_SECRET_ARN")
    if private is None or public is None:
        return
    variable = "QUANT_TOKEN_SIGNING_KEY_SECRET_ARN"
    try:
        ring = KeyRing.from_json(private)
        mine = {key.kid: key.public_jwk() for key in ring or ()}
        known = {jwk["kid"]: jwk for jwk in json.loads(public)["keys"]}
    except (ValueError, KeyError, TypeError, QuantError):
        yield Finding(variable, "invalid", "the secret is not a ring of signing keys")
        return
    if not mine:
        yield Finding(variable, "missing", "no key has been made; `quant keys ensure` makes them")
    if {jwk["x"] for jwk in mine.values()} & _KNOWN_PUBLIC_KEYS:
        yield Finding(variable, "default", "a signing key is one from a published example")
    if any(not jwk.items() <= known.get(kid, {}).items() for kid, jwk in mine.items()):
        yield Finding(
            "QUANT_TOKEN_JWKS_SECRET_ARN", "unpublished", "a signing key is not published"
        )


def union(functions: Mapping[str, Mapping[str, str]]) -> tuple[dict[str, str], list[Finding]]:
    """Return the variables of all deployed functions as one, and where they contradict each other.

    Args:
        functions: Environment variables by function.
    """
    together: dict[str, str] = {}
    findings = []
    for function, variables in sorted(functions.items()):
        for variable, value in variables.items():
            known = together.setdefault(variable, value)
            if known != value and variable.startswith("QUANT_") and variable not in _PER_FUNCTION:
                message = f"{function} has another value than other functions"
                findings.append(Finding(variable, "contradiction", message))
            if variable == "POWERTOOLS_LOG_LEVEL" and value.upper() == "DEBUG":
                together[variable] = value
    if not functions:
        findings.append(Finding("*", "missing", "there are no functions of this name"))
    return together, findings


def check_deployed(
    functions: Mapping[str, Mapping[str, str]], read: Callable[[str], str] = read_secret
) -> list[Finding]:
    """Return what is wrong with the variables of all deployed functions and with their secrets.

    Args:
        functions: Environment variables by function.
        read: Reads a secret.
    """
    variables, findings = union(functions)
    return [*findings, *check_variables(variables), *check_secrets(variables, read)]


def deployed_functions(prefix: str, client: Any) -> dict[str, dict[str, str]]:
    """Return the environment variables of the deployed functions whose names start so.

    Args:
        prefix: Beginning of the functions' names.
        client: boto3 client of Lambda.
    """
    pages: Iterable[Any] = client.get_paginator("list_functions").paginate()
    return {
        function["FunctionName"]: dict(function.get("Environment", {}).get("Variables", {}))
        for page in pages
        for function in page["Functions"]
        if function["FunctionName"].startswith(prefix)
    }
