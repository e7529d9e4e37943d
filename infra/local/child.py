"""The first lines of every child process: it must not outlive who started it; then it becomes the program.

Run as a file: `child.py PARENT_PID PROGRAM ARGUMENT...`. The request to the kernel survives the exec.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask for SIGKILL when the parent dies (Linux; elsewhere there is no such request), then exec."""
    parent, program = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the kernel had been asked
        sys.exit(1)
    os.execv(program[0], program)  # noqa: S606 - no shell is wanted between us and the program


if __name__ == "__main__":
    main()
