"""Lines LocalStack logs about requests of APIs, without what the client put into the path."""

import logging

_EXECUTE = "/_aws/execute-api/"
# Up to the name of the stage.
_KEPT_PARTS = 5


def hide_paths() -> None:
    """Have paths in lines about requests end with the stage; to be called once."""
    # Imported here: the gateway's services are loaded after the extension.
    from localstack.services.apigateway.next_gen.execute_api.handlers import (  # noqa: PLC0415
        resource_router,
    )

    logging.getLogger("localstack.request.http").addFilter(_hide_external)
    resource_router.LOG.addFilter(_hide_internal)


def _hide_external(record: logging.LogRecord) -> bool:
    """Cut paths of the machine's gateway, which begin with the API and the stage."""
    if isinstance(record.args, tuple):
        record.args = tuple(
            "/".join(value.split("/")[:_KEPT_PARTS]) + "/..."
            if isinstance(value, str) and value.startswith(_EXECUTE)
            else value
            for value in record.args
        )
    return True


def _hide_internal(record: logging.LogRecord) -> bool:
    """Cut paths within an API's stage."""
    if isinstance(record.args, tuple):
        record.args = tuple(
            "/..." if isinstance(value, str) and value.startswith("/") else value
            for value in record.args
        )
    return True
