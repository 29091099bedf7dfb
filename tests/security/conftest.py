"""The API of the integration tests, under attack."""

from tests.integration.conftest import api, disclosures

__all__ = ["api", "disclosures"]
