"""A worker of exports as a process of its own that stops half way: ``export_worker.py JOB``."""

import json
import os
import sys
import time
import uuid

import quant.settings
from quant.exports import leases, work


def main() -> None:
    secret = json.dumps({"username": "quant_app", "password": os.environ["TEST_DATABASE_PASSWORD"]})
    quant.settings.read_secret = lambda _: secret
    work._RENEWED_EVERY_S = 0.0
    renew = leases.renew

    def renew_and_stop(*arguments, **options) -> None:
        renew(*arguments, **options)
        sys.stdout.write("half way\n")
        sys.stdout.flush()
        time.sleep(600)

    leases.renew = renew_and_stop
    work.run(uuid.UUID(sys.argv[1]), None, seconds=600)


if __name__ == "__main__":
    main()
