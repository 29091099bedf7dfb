"""A trainer as a process of its own: ``ml_trainer.py FOLDER SETTINGS [STAGE COMPLETED]``.

With a stage it stops there, having said so, until it is killed.
"""

import json
import os
import sys
import time

import quant.settings
from quant.ml.pipeline.local import train
from quant.ml.pipeline.settings import RunSettings


def main() -> None:
    secret = json.dumps({"username": "quant_app", "password": os.environ["TEST_DATABASE_PASSWORD"]})
    quant.settings.read_secret = lambda _: secret
    folder, settings, *stop = sys.argv[1:]

    def stopping(stage: str, completed: int, _total: int) -> None:
        if [stage, str(completed)] == stop:
            sys.stdout.write(f"at {stage} {completed}\n")
            sys.stdout.flush()
            time.sleep(600)

    run, trained = train(
        folder,
        RunSettings.of(json.loads(settings)),
        processes=2,
        tracking=None,
        progress=stopping,
    )
    versions = {each.model: each.published.version for each in trained}
    sys.stdout.write(json.dumps({"run": run.run, "versions": versions}))


if __name__ == "__main__":
    main()
