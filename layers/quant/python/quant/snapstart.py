"""What a function does before SnapStart takes its snapshot, and what after it is restored from it.

A function whose process is not initialised for a snapshot ignores both, at no cost. AWS's library
is part of the runtime, not of a layer, and imported only there.

Before the snapshot the registered run in reverse order: what imports others registers later than
they do and so loads them first. After a restore they run in order, so that a module finds renewed
what it imports.

Source: https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-python.html
"""

import os
from collections.abc import Callable
from typing import Final

_INITIALIZED_FOR_SNAPSHOT: Final = "snap-start"


def is_expected() -> bool:
    """Say whether a snapshot of this process is going to be taken, or was."""
    return os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == _INITIALIZED_FOR_SNAPSHOT


def before_snapshot(prepare: Callable[[], None]) -> None:
    """Have ``prepare`` called once, before the snapshot; what it raises fails the deployment.

    It may register others, which run before the rest.
    """
    if is_expected():
        import snapshot_restore_py  # noqa: PLC0415

        snapshot_restore_py.register_before_snapshot(prepare)


def after_restore(renew: Callable[[], None]) -> None:
    """Have ``renew`` called in each environment that is restored, before its first event."""
    if is_expected():
        import snapshot_restore_py  # noqa: PLC0415

        snapshot_restore_py.register_after_restore(renew)


def _renew_random() -> None:
    """Seed what was seeded before the snapshot, lest all environments draw the same.

    ``secrets`` and ``uuid.uuid4`` ask the system each time.
    """
    import random  # noqa: PLC0415
    import ssl  # noqa: PLC0415

    random.seed()
    # Has OpenSSL's own generator take new entropy, too. https://docs.openssl.org/3.0/man3/RAND_add/
    ssl.RAND_add(os.urandom(32), 32.0)


after_restore(_renew_random)
