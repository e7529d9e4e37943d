"""The first lines of every worker process: it must not outlive the emulator; then the runtime client runs.

Run as a file, not as a module: importing the emulator's packages would cost every cold start.
"""

import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def _die_with(parent: int) -> None:
    """Ask the kernel for SIGKILL when the emulator dies, however it dies (Linux; elsewhere the lost API ends us)."""
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - only where it is needed

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the kernel had been asked
        sys.exit(1)


def main() -> None:
    """Take the place of Lambda's bootstrap: the function's folder first on the path, then awslambdaric."""
    _die_with(int(os.environ.pop("TOLLGATE_EMULATOR_PID")))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the emulator, which stops us in order
    sys.path[0] = os.environ["LAMBDA_TASK_ROOT"]
    from awslambdaric.__main__ import main as run  # noqa: PLC0415 - after the path is right

    run([sys.argv[0], os.environ["_HANDLER"]])


if __name__ == "__main__":
    main()
