"""Imports the real disclosures into a scratch database and writes the reports of them in docs/."""

import argparse
import os
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
sys.path[:0] = [
    str(PROJECT / "tests" / "realdata"),
    str(PROJECT / "tests"),
    str(PROJECT / "localstack"),
]

from models_report import PAGE as MODELS_PAGE  # noqa: E402
from models_report import gather_models, models_page  # noqa: E402
from performance_report import NUMBERS, PAGE, gather, numbers, page  # noqa: E402
from realdata_support import scratch_engine  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data",
        type=Path,
        default=os.environ.get("QUANT_DATA_DIR"),
        help="folder of real disclosures; QUANT_DATA_DIR where it is not given",
    )
    data = parser.parse_args().data
    if data is None or not data.is_dir():
        parser.error("give the folder of real disclosures with --data")
    docs = PROJECT / "docs"
    with scratch_engine() as engine:
        findings = gather(engine, data)
        models = gather_models(engine)
    (docs / PAGE).write_text(page(findings))
    (docs / NUMBERS).write_text(numbers(findings))
    (docs / MODELS_PAGE).write_text(models_page(models))
    print(f"written to docs/{PAGE} and docs/{MODELS_PAGE}")


if __name__ == "__main__":
    main()
