"""What the function needs that brings the database up to the deployed code."""

from typing import Final

from infra.functions import SINGLE_CLASS, FunctionNeeds
from quant_http.routes import Secret, Store

MIGRATE: Final = "schema.migrate"

SCHEMA_FUNCTIONS: Final[dict[str, FunctionNeeds]] = {
    MIGRATE: FunctionNeeds(
        name=MIGRATE,
        # Alembic needs parts of SQLAlchemy that the API's layer leaves out; Lambda takes what is
        # in both from the later one, and CDK sorts them by name.
        layers=("quant", "api", "auth", "schema"),
        stores=frozenset({Store.POSTGRES}),
        secrets=frozenset({Secret.JWKS, Secret.SIGNING_KEY}),
        owns_schema=True,
        answers_deployment=True,
        concurrency=SINGLE_CLASS,
        memory_mb=512,
        # As long as Lambda allows, for rows that are updated in batches.
        timeout_s=900,
        bundles=("migrations",),
    )
}
