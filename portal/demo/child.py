"""Become another program that dies with its parent. Run as a script, before anything of ours can be imported.

    python -I -S child.py PARENT_PID SIGNAL COMMAND [ARGUMENT ...]

Linux sends SIGNAL when the thread that started this process ends, however that comes (PR_SET_PDEATHSIG of
prctl(2)); the setting outlives execve. Other systems have no such call: there a killed supervisor leaves its
children running.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def become(parent: int, death_signal: int, command: list[str]) -> None:
    """Replace this process by `command`. Raises OSError when that is not possible."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:
        sys.exit(1)  # the parent ended before the signal was armed, so it would never come
    os.execvp(command[0], command)  # noqa: S606 - there is no shell to want


if __name__ == "__main__":
    become(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
