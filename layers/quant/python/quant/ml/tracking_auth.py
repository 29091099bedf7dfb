"""Signatures of the tracking server's requests, as API Gateway's IAM authorizer asks for them.

MLflow's own support of them (``MLFLOW_TRACKING_AWS_SIGV4``) cannot sign a file that is uploaded,
nor a query with a blank in it. Source: AWS General Reference, "Signature Version 4".
"""

import os
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import NoCredentialsError
from mlflow.tracking.request_auth.abstract_request_auth_provider import RequestAuthProvider
from mlflow.tracking.request_auth.registry import _request_auth_provider_registry as _providers
from requests import PreparedRequest
from requests.auth import AuthBase

_NAME: Final = "quant-sigv4"
_SERVICE: Final = "execute-api"
# Headers that proxies may change are not signed.
_SIGNED: Final = frozenset({"content-type"})


class SignedRequests(AuthBase):
    """Signs each request with the caller's credentials."""

    def __init__(self) -> None:
        session = boto3.Session()
        credentials = session.get_credentials()
        if credentials is None:
            raise NoCredentialsError
        self._signer = SigV4Auth(credentials, _SERVICE, session.region_name)

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Add the signature's headers."""
        # The signature is of %20; both mean a blank in a query.
        parts = urlsplit(str(request.url))
        request.url = urlunsplit(parts._replace(query=parts.query.replace("+", "%20")))
        body: Any = request.body
        if hasattr(body, "read"):
            # Its digest is signed. No file of ours is large.
            request.body = body = body.read()
        headers = {
            name: value for name, value in request.headers.items() if name.lower() in _SIGNED
        }
        signed = AWSRequest(method=request.method, url=request.url, data=body, headers=headers)
        self._signer.add_auth(signed)
        request.headers.update(dict(signed.headers))
        return request


class _Provider(RequestAuthProvider):
    def get_name(self) -> str:
        return _NAME

    def get_auth(self) -> AuthBase:
        return SignedRequests()


def sign_requests() -> None:
    """Have MLflow sign every request of this process."""
    if not any(provider.get_name() == _NAME for provider in _providers):
        _providers.register(_Provider)  # type: ignore[no-untyped-call]
    os.environ["MLFLOW_TRACKING_AUTH"] = _NAME
