"""The first lines of every worker process: it must not outlive the emulator; then the runtime client runs.

Run as a file, not as a module: importing the emulator's packages would cost every cold start.

Two ways to reach the Runtime API, chosen by `TOLLGATE_WORKER`:

awslambdaric   its own client, as on Lambda;
fast           awslambdaric's loop, handlers, context and marshaller, on a socket pair, with the answer to an event
               and the wish for the next one in one frame. The same bytes come out; it costs less to carry them.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from struct import Struct

PR_SET_PDEATHSIG = 1
# Source: AWS Lambda developer guide, "Lambda quotas": file descriptors.
OPEN_FILES = 1_024
_CHUNK_BYTES = 256 * 1024
_FRAME = Struct("!II")


def _die_with(parent: int) -> None:
    """Ask the kernel for SIGKILL when the emulator dies, however it dies (Linux; elsewhere the lost API ends us)."""
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - only where it is needed

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the kernel had been asked
        sys.exit(1)


def _limit(megabytes: int) -> None:
    """Let the kernel refuse what is beyond the function's memory, and Lambda's number of open files.

    Linux counts private memory under RLIMIT_DATA.
    """
    if sys.platform == "linux":
        import resource  # noqa: PLC0415 - only where it is needed

        size = megabytes * 1024 * 1024
        resource.setrlimit(resource.RLIMIT_DATA, (size, size))
        resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))


class _Wire:
    """The worker's end of the socket pair that it was born with; what goes over it is told in fast_api.py."""

    def __init__(self, inherited: int) -> None:
        os.set_inheritable(inherited, False)  # noqa: FBT003 - it is nothing to what the function starts
        self._socket = socket.socket(fileno=inherited)
        self._received = b""
        # Made once: memory of this size comes from the kernel page by page each time it is asked for.
        self._chunk = memoryview(bytearray(_CHUNK_BYTES))

    def exchange(self, request_id: str, answer: bytes) -> tuple[list[str], bytes]:
        """Give the answer to an event, if there is one, and return the next: its lines of text, and its body."""
        told = request_id.encode("latin-1")
        self._socket.sendall(_FRAME.pack(len(answer), len(told)) + told + answer)
        size, text = _FRAME.unpack(self._exactly(_FRAME.size))
        lines = self._exactly(text).decode("latin-1").split("\n")
        return lines, self._exactly(size)

    def _exactly(self, size: int) -> bytes:
        while len(self._received) < size:
            count = self._socket.recv_into(self._chunk)
            if not count:  # the emulator is gone, and nobody is left to be told
                sys.exit(1)
            self._received += self._chunk[:count]
        taken, self._received = self._received[:size], self._received[size:]
        return taken


def _fast_client(address: str, inherited: int) -> object:
    """Make a client for awslambdaric's loop that takes the short way for events and answers."""
    from awslambdaric.lambda_runtime_client import (  # noqa: PLC0415 - after the path is right
        InvocationRequest,
        LambdaRuntimeClient,
    )

    # What Lambda tells in some cases, and nobody here.
    unknown = dict.fromkeys(("client_context", "cognito_identity", "tenant_id", "invocation_id"))

    class FastClient(LambdaRuntimeClient):  # type: ignore[misc]
        """Errors take the usual way."""

        def __init__(self) -> None:
            super().__init__(address)
            self._wire = _Wire(inherited)
            self._answer = ("", b"")

        def post_invocation_result(
            self,
            invoke_id: str,
            result_data: str | bytes,
            content_type: str = "application/json",
            invocation_id: str | None = None,
        ) -> None:
            """Keep the answer: it leaves with the wish for the next event, which the loop utters at once."""
            del content_type, invocation_id
            self._answer = (invoke_id, result_data if isinstance(result_data, bytes) else result_data.encode())

        def wait_next_invocation(self) -> object:
            answer, self._answer = self._answer, ("", b"")
            (request_id, deadline_at, arn, trace_id), body = self._wire.exchange(*answer)
            return InvocationRequest(
                invoke_id=request_id,
                x_amzn_trace_id=trace_id,
                invoked_function_arn=arn,
                deadline_time_in_ms=int(deadline_at),
                content_type="application/json",
                event_body=body,
                **unknown,
            )

    return FastClient()


def main() -> None:
    """Take the place of Lambda's bootstrap: the function's folder first on the path, then awslambdaric."""
    _die_with(int(os.environ.pop("TOLLGATE_EMULATOR_PID")))
    fast = os.environ.pop("TOLLGATE_WORKER") == "fast"
    inherited = int(os.environ.pop("TOLLGATE_SOCKET"))
    _limit(int(os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the emulator, which stops us in order
    sys.path[0] = os.environ["LAMBDA_TASK_ROOT"]
    if fast:
        from awslambdaric import bootstrap  # noqa: PLC0415 - after the path is right

        bootstrap.run(os.environ["_HANDLER"], _fast_client(os.environ["AWS_LAMBDA_RUNTIME_API"], inherited))
        return
    os.close(inherited)
    from awslambdaric.__main__ import main as run  # noqa: PLC0415 - after the path is right

    run([sys.argv[0], os.environ["_HANDLER"]])


if __name__ == "__main__":
    main()
