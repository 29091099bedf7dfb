import pytest

import quant.settings
from quant.environment import SettingsError
from quant_http.app import RouteApp
from quant_http.routes import ROUTES

VARIABLES = {
    "QUANT_ENVIRONMENT": "prod",
    "QUANT_DATABASE_HOST": "database.example.internal",
    "QUANT_DATABASE_PORT": "5432",
    "QUANT_DATABASE_SECRET_ARN": "database",
    "QUANT_VALKEY_HOST": "cache.example.internal",
    "QUANT_VALKEY_PORT": "6379",
    "QUANT_VALKEY_SECRET_ARN": "valkey",
    "QUANT_TOKEN_ISSUER": "https://auth.example.org",
    "QUANT_TOKEN_AUDIENCE": "quant-api",
    "QUANT_TOKEN_JWKS_SECRET_ARN": "jwks",
    "QUANT_TOKEN_SIGNING_KEY_SECRET_ARN": "signing",
    "QUANT_AUDIT_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/000000000000/audit",
    "QUANT_EMAIL_SENDER": "no-reply@example.org",
    "QUANT_PUBLIC_URL": "https://api.example.org/prod",
    "QUANT_EXPORT_BUCKET": "quant-prod-exports-000000000000",
    "QUANT_EXPORTS_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/000000000000/exports",
    "QUANT_ML_BUCKET": "quant-prod-ml-000000000000",
}


@pytest.fixture
def function(monkeypatch):
    """Makes a route's app as Lambda does, with variables changed."""
    kept = (
        quant.settings.database_settings,
        quant.settings.valkey_settings,
        quant.settings.limit_settings,
        quant.settings.edge_settings,
    )

    def start(name, **changes):
        for settings in kept:
            settings.cache_clear()
        monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")
        for variable, value in {**VARIABLES, **changes}.items():
            if value is None:
                monkeypatch.delenv(variable, raising=False)
            else:
                monkeypatch.setenv(variable, value)
        return RouteApp(name)

    yield start
    for settings in kept:
        settings.cache_clear()


@pytest.mark.parametrize("name", [route.name for route in ROUTES])
def test_every_route_starts_with_good_settings(function, name):
    function(name)


@pytest.mark.parametrize(
    ("name", "variable", "value"),
    [
        ("trades.list", "QUANT_DATABASE_HOST", None),
        ("trades.list", "QUANT_DATABASE_TLS", "false"),
        ("trades.list", "QUANT_VALKEY_PORT", "0"),
        ("trades.list", "QUANT_FALLBACK_SHARE", "0"),
        ("trades.list", "QUANT_AUDIT_QUEUE_URL", None),
        ("docs.swagger", "QUANT_CORS_ORIGINS", '["*"]'),
        ("auth.jwks", "QUANT_TOKEN_JWKS_SECRET_ARN", None),
        ("auth.login", "QUANT_TOKEN_SIGNING_KEY_SECRET_ARN", None),
        ("auth.login", "QUANT_PASSWORD_ITERATIONS", "1"),
        ("auth.register", "QUANT_EMAIL_SENDER", None),
        ("export.job", "QUANT_EXPORT_BUCKET", None),
        ("export.create_dataset", "QUANT_EXPORTS_QUEUE_URL", None),
        ("predictions.politician", "QUANT_ML_BUCKET", None),
        ("auth.register", "QUANT_PUBLIC_URL", "http://api.example.org"),
    ],
)
def test_bad_settings_fail_the_start_and_not_the_first_request(function, name, variable, value):
    with pytest.raises(SettingsError):
        function(name, **{variable: value})


def test_what_a_route_does_not_use_cannot_fail_it(function):
    function("docs.swagger", QUANT_DATABASE_HOST=None, QUANT_VALKEY_PORT="0")


def test_the_documentation_is_made_without_settings(monkeypatch):
    for variable in ("AWS_LAMBDA_RUNTIME_API", *VARIABLES):
        monkeypatch.delenv(variable, raising=False)
    RouteApp("auth.register")
