"""The line LocalStack logs for each request, without what the client put into its path."""

import logging

_REQUEST_LOGGER = "localstack.request.http"
_EXECUTE = "/_aws/execute-api/"
# Up to the name of the stage.
_KEPT_PARTS = 5


def hide_paths() -> None:
    """Have lines about requests of APIs end with the stage; to be called once."""
    logging.getLogger(_REQUEST_LOGGER).addFilter(_hide_path)


def _hide_path(record: logging.LogRecord) -> bool:
    if isinstance(record.args, tuple):
        record.args = tuple(map(_without_path, record.args))
    return True


def _without_path(value: object) -> object:
    if isinstance(value, str) and value.startswith(_EXECUTE):
        return "/".join(value.split("/")[:_KEPT_PARTS]) + "/..."
    return value
