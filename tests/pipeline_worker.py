"""A parse worker as a process of its own: ``pipeline_worker.py SPOOL SEED``."""

import json
import os
import random
import sys
from datetime import date
from pathlib import Path

import quant.settings
from quant.errors import StoreUnavailableError
from quant.pipeline.documents import process
from quant.pipeline.raw import DocumentKind, RawDocument


def main() -> None:
    secret = json.dumps({"username": "quant_app", "password": os.environ["TEST_DATABASE_PASSWORD"]})
    quant.settings.read_secret = lambda _: secret
    waiting = sorted(Path(sys.argv[1]).glob("*.json"))
    random.Random(int(sys.argv[2])).shuffle(waiting)
    while waiting:
        path = waiting.pop(0)
        stored = json.loads(path.read_text())
        document = RawDocument(
            DocumentKind(stored["kind"]),
            date.fromisoformat(stored["collected_on"]),
            bytes.fromhex(stored["content"]),
            stored["metadata"],
        )
        try:
            process(document)
        except StoreUnavailableError:
            waiting.append(path)


if __name__ == "__main__":
    main()
