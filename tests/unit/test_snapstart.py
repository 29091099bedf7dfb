"""What surrounds a snapshot, by the runtime's own runner of hooks; each case in its own process."""

import os
import subprocess
import sys

from infra.paths import ROOT

LAYER = ROOT / "layers/quant/python"
RUN = """
import sys
from awslambdaric.lambda_runtime_hooks_runner import run_after_restore, run_before_snapshot
"""


def output(script, kind):
    result = subprocess.run(
        [sys.executable, "-c", script],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(LAYER),
            "AWS_LAMBDA_INITIALIZATION_TYPE": kind,
            "AWS_DEFAULT_REGION": "us-east-1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    return result.stdout.split()


def test_hooks_run_from_the_last_before_and_from_the_first_after():
    script = """
from quant.snapstart import after_restore, before_snapshot
for name in ("first", "second"):
    before_snapshot(lambda name=name: print(f"{name}-prepared"))
    after_restore(lambda name=name: print(f"{name}-renewed"))
before_snapshot(lambda: before_snapshot(lambda: print("late")))
run_before_snapshot()
run_after_restore()
"""
    assert output(RUN + script, "snap-start") == [
        "late",
        "second-prepared",
        "first-prepared",
        "first-renewed",
        "second-renewed",
    ]


def test_without_a_snapshot_nothing_is_registered_or_imported():
    script = """
import sys
from quant import snapstart
snapstart.before_snapshot(lambda: print("prepared"))
snapstart.after_restore(lambda: print("renewed"))
print("snapshot_restore_py" in sys.modules)
"""
    assert output(script, "on-demand") == ["False"]


def test_environments_of_one_snapshot_draw_differently():
    script = """
import os, random
from quant import snapstart
run_before_snapshot()
state = random.getstate()
for _ in range(2):  # the process goes on as two: what is restored is the same memory
    if os.fork() == 0:
        # Python seeds a child anew, of which a snapshot has none.
        random.setstate(state)
        run_after_restore()
        print(random.random(), flush=True)
        os._exit(0)
    os.wait()
"""
    first, second = output(RUN + script, "snap-start")
    assert first != second


def test_what_waits_is_in_the_snapshot():
    script = """
from quant import lazy
lazy.defer(["quant.tiers"])
import quant.db.lookup, quant.secrets, quant.tiers
before = {"pg8000.native", "botocore.session"} & sys.modules.keys()
run_before_snapshot()
print(len(before), len(lazy.waiting()), "pg8000.native" in sys.modules)
print("botocore.session" in sys.modules, quant.secrets._client.cache_info().currsize)
"""
    assert output(RUN + script, "snap-start") == ["0", "0", "True", "True", "1"]
