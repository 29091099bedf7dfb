"""Every function imports what its layers hold, and nothing else."""

import os
import subprocess
import sys
from collections import defaultdict

import pytest
from infra.all_functions import FUNCTIONS
from infra.paths import ROOT

# What is in one layer only, by layer. NumPy is in that of training as well.
PACKAGES = {
    "auth": {"argon2", "jwt", "zxcvbn"},
    "pipeline": {"httpx", "lxml", "pypdfium2", "yaml"},
    "analytics": {"numpy"},
    "export": {"duckdb"},
    "training": {"lightgbm", "mlflow", "scipy"},
}
VARIABLES = {
    "QUANT_ENVIRONMENT": "local",
    **{f"QUANT_{store}_HOST": "127.0.0.1" for store in ("DATABASE", "VALKEY")},
    **{f"QUANT_{store}_PORT": "1" for store in ("DATABASE", "VALKEY")},
    **{f"QUANT_{store}_SECRET_ARN": "none" for store in ("DATABASE", "VALKEY", "WEBHOOK")},
    "QUANT_DATABASE_OWNER_SECRET_ARN": "none",
    "QUANT_TOKEN_ISSUER": "https://auth.example.org",
    "QUANT_TOKEN_AUDIENCE": "quant-api",
    "QUANT_TOKEN_JWKS_SECRET_ARN": "none",
    "QUANT_TOKEN_SIGNING_KEY_SECRET_ARN": "none",
    "QUANT_API_KEY_SECRET_ARNS": "{}",
    "QUANT_AUDIT_QUEUE_URL": "https://queue.example.org/audit",
    "QUANT_AUDIT_ANCHOR_BUCKET": "anchors",
    "QUANT_RAW_BUCKET": "raw",
    "QUANT_ML_BUCKET": "ml",
    "QUANT_TRACKING_URI": "https://tracking.example.org",
    "QUANT_EXPORT_BUCKET": "exports",
    "QUANT_EXPORTS_QUEUE_URL": "https://queue.example.org/exports",
    "QUANT_FETCH_QUEUE_URL": "https://queue.example.org/fetch",
    "QUANT_REPORTS_QUEUE_URL": "https://queue.example.org/reports",
    "QUANT_DELIVERIES_QUEUE_URL": "https://queue.example.org/deliveries",
    "QUANT_EVENT_BUS_NAME": "bus",
    "QUANT_EMAIL_SENDER": "no-reply@example.org",
    "QUANT_PUBLIC_URL": "https://api.example.org",
    "QUANT_COLLECTOR_CONTACT": "no-reply@example.org",
    "QUANT_COLLECTOR_PRICES_SECRET_ARN": "none",
    "AWS_DEFAULT_REGION": "us-east-1",
    "POWERTOOLS_SERVICE_NAME": "test",
    "POWERTOOLS_METRICS_NAMESPACE": "test",
}
IMPORTS = """
import importlib, sys
absent, modules = sys.argv[1].split(","), sys.argv[2:]
for package in absent:
    sys.modules[package] = None
failed = []
for module in modules:
    try:
        importlib.import_module(module)
    except ImportError as error:
        failed.append(f"{module}: {error}")
sys.exit("\\n".join(failed) or 0)
"""

BY_LAYERS = defaultdict(list)
for needs in FUNCTIONS.values():
    BY_LAYERS[tuple(sorted(needs.layers))].append(needs.name)


@pytest.mark.parametrize("layers", BY_LAYERS, ids="-".join)
def test_no_function_imports_what_its_layers_lack(layers):
    absent = {
        package
        for layer, packages in PACKAGES.items()
        if layer not in layers and not (layer == "analytics" and "training" in layers)
        for package in packages
    }
    folders = (ROOT / "functions", ROOT / "layers/quant/python")
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(map(str, folders)),
        **VARIABLES,
    }
    result = subprocess.run(
        [sys.executable, "-c", IMPORTS, ",".join(sorted(absent)), *BY_LAYERS[layers]],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert result.returncode == 0, result.stderr[-3000:]
