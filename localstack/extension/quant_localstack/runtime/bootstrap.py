"""Start of a function's process: tie its life to LocalStack's, then become the Lambda runtime.

Run as ``python -P bootstrap.py PARENT_PID PARENT_PIPE_FD HANDLER``. It uses only the standard
library, because it runs under the function's interpreter and not under LocalStack's.
"""

import os
import runpy
import signal
import sys


def _die_with_parent(parent: int, pipe: int) -> None:
    """Make the end of the process ``parent``, even by SIGKILL, end this process group.

    Linux signals the child itself (prctl(2), PR_SET_PDEATHSIG). Elsewhere a thread waits for the
    end of file on ``pipe``, whose only writing end the parent holds.
    """
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 costs milliseconds of every cold start

        pr_set_pdeathsig = 1
        ctypes.CDLL(None, use_errno=True).prctl(pr_set_pdeathsig, signal.SIGKILL)
        os.close(pipe)
    else:
        import threading  # noqa: PLC0415

        def wait_for_end() -> None:
            os.read(pipe, 1)
            os.killpg(0, signal.SIGKILL)

        threading.Thread(target=wait_for_end, name="parent-watch", daemon=True).start()
    if os.getppid() != parent:
        # The parent ended before the lines above took effect.
        os._exit(1)


def main() -> None:
    """Replace this program by the runtime interface client."""
    parent, pipe, handler = sys.argv[1:]
    _die_with_parent(int(parent), int(pipe))
    sys.argv = ["awslambdaric", handler]
    runpy.run_module("awslambdaric", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
