"""Replaces itself by a command that the kernel signals when its parent dies.

Run as ``python -I -S guard.py SIGNAL PARENT UID GID COMMAND...``; a negative UID keeps the user.

A separate process rather than ``preexec_fn``, which may deadlock in a parent with threads. The
death signal (Linux only, prctl(2)) is tied to the parent *thread*: servers must be started from a
thread that lives as long as they should, in practice the main thread.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Drop privileges, ask for the death signal, become the command.

    Args:
        arguments: signal number, expected parent pid, uid, gid, then the command.
    """
    death_signal, parent, uid, gid = (int(argument) for argument in arguments[:4])
    command = arguments[4:]
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        # After the change of user, which resets it.
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:
        sys.exit("the parent process is gone")
    os.execv(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1:])
