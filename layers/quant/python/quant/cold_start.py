"""What a function that a client waits for does before it imports anything else.

``functions/<folder>/__init__.py`` imports this, or ``quant_http.cold_start``, first. Measured in
docs/benchmarks.md; why, in docs/adr/0030.
"""

import gc
import os
from typing import Final

from quant import lazy
from quant.snapstart import before_snapshot

# Parts of libraries that are imported with the rest and used by nothing here.
_UNUSED: Final = (
    "aws_lambda_powertools.utilities.jmespath_utils",
    "msgspec.inspect",
    "valkey.asyncio",
)

# Python looks for cycles after every 2,000 new containers. The imports of a start make some sixty
# thousand, most of which stay.
_COLLECT_AFTER: Final = 100_000
# The collector looks at what was made since the last time alone, about a millisecond; meanwhile
# what requests leave waits: each exception that a handler raises is a cycle with the frames of
# Lambda's runtime, 6 KB, and so are parameters of SQLAlchemy's statements. What the first requests
# import is not to be looked through too often either.
_COLLECT_AFTER_REQUESTS: Final = 10_000
# After a snapshot nothing is imported any more, and what it holds is not looked at, so that to look
# at all the rest takes no longer: for new containers as often as Python does, for older ones more
# often, since those that a request still had when they were looked at are garbage a moment later.
_COLLECT_AFTER_SNAPSHOT: Final = (2_000, 5, 5)

# Elsewhere, as in tests and where the OpenAPI document is made, everything is used at once.
IN_FUNCTION: Final = "AWS_LAMBDA_RUNTIME_API" in os.environ


def end() -> None:
    """End what speeds a start up, after the last of its imports."""
    if IN_FUNCTION:
        # What imports made would be looked through at once otherwise, some eight milliseconds.
        gc.freeze()
        gc.set_threshold(_COLLECT_AFTER_REQUESTS)


def _freeze() -> None:
    # What is there stays, and need not be looked through; nor is a page of it written to, which
    # environments of one snapshot share until then. What the end of the start froze, too, is looked
    # through before: nobody waits for it here.
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    # Python looks at all of it when a quarter is new since it last did, at what is frozen by now.
    gc.collect()
    gc.set_threshold(*_COLLECT_AFTER_SNAPSHOT)


if IN_FUNCTION:
    gc.set_threshold(_COLLECT_AFTER)
    before_snapshot(_freeze)  # the first to register is the last to run
    lazy.defer(_UNUSED)
