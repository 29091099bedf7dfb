"""A backup or a restore as a process of its own: ``backup_worker.py create|restore``."""

import json
import os
import sys

from quant.backup.dump import create
from quant.backup.places import newest, place
from quant.backup.restore import restore
from quant.backup.server import Access
from quant.backup.tools import Tools
from quant.secrets import SecretStr
from quant.settings import Credentials


def main() -> None:
    given = json.loads(os.environ["TEST_BACKUP"])
    credentials = Credentials(username=given["user"], password=SecretStr(given["password"]))
    access = Access(
        host="127.0.0.1",
        port=given["port"],
        database=given["database"],
        tls=False,
        credentials=lambda: credentials,
    )
    kept = place(given["target"])
    if sys.argv[1] == "restore":
        restore(access, kept, newest(kept), Tools.find(), replace=True)
        return
    with kept.workspace() as folder:
        kept.keep(folder, create(access, folder, Tools.find()))


if __name__ == "__main__":
    main()
