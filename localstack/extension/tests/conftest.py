import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def lambda_python() -> str:
    """Interpreter with awslambdaric and boto3: the runtime environment's unless overridden."""
    default = REPOSITORY / ".local" / "envs" / "runtime" / "bin" / "python"
    return os.environ.get("QUANT_LAMBDA_PYTHON", str(default))
