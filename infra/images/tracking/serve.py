"""Start MLflow's server once its database answers; ``quant db tracking`` makes that database."""

import os
import sys
import time

from sqlalchemy import URL, create_engine
from sqlalchemy.exc import OperationalError

_WAIT_S = 5
# Debian's; the certificate of RDS Proxy is one of Amazon Trust Services.
_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"


def _database_url() -> URL:
    return URL.create(
        "postgresql+psycopg2",
        username=os.environ["DATABASE_USERNAME"],
        password=os.environ["DATABASE_PASSWORD"],
        host=os.environ["DATABASE_HOST"],
        port=int(os.environ["DATABASE_PORT"]),
        database=os.environ["DATABASE_NAME"],
        query={"sslmode": "verify-full", "sslrootcert": _AUTHORITIES},
    )


def _wait_for(url: URL) -> None:
    engine = create_engine(url, connect_args={"connect_timeout": _WAIT_S})
    while True:
        try:
            engine.connect().close()
        except OperationalError as error:
            print(f"waiting for the database: {error.orig}", file=sys.stderr, flush=True)  # noqa: T201
            time.sleep(_WAIT_S)
        else:
            engine.dispose()
            return


def main() -> None:
    """Wait, then become the server."""
    url = _database_url()
    _wait_for(url)
    environment = {
        **os.environ,
        # Not on the command line, which every process can read.
        "MLFLOW_BACKEND_STORE_URI": url.render_as_string(hide_password=False),
        # Of the connections that infra/config.py leaves to others than functions.
        "MLFLOW_SQLALCHEMYSTORE_POOL_SIZE": "2",
        "MLFLOW_SQLALCHEMYSTORE_MAX_OVERFLOW": "3",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_AI_GATEWAY": "false",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "GIT_PYTHON_REFRESH": "quiet",
    }
    command = [sys.executable, "-m", "mlflow", "server", "--serve-artifacts"]
    command += ["--artifacts-destination", os.environ["ARTIFACTS"]]
    command += ["--host", "0.0.0.0", "--port", os.environ["PORT"], "--workers", "1"]  # noqa: S104
    command += ["--x-frame-options", "DENY"]
    os.execve(command[0], command, environment)  # noqa: S606 - our own list


if __name__ == "__main__":
    main()
