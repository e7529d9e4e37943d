"""The first lines of every worker process: it must not outlive the emulator; then the runtime client runs.

Run as a file, not as a module: importing the emulator's packages would cost every cold start.

Two ways to reach the Runtime API, chosen by `TOLLGATE_WORKER`:

awslambdaric   its own client, as on Lambda;
fast           awslambdaric's loop, handlers, context and marshaller, on one socket, with the answer to an event
               and the wish for the next one in one write. The same bytes come out; it costs less to carry them.
"""

from __future__ import annotations

import os
import signal
import socket
import sys

PR_SET_PDEATHSIG = 1
_API = "/2018-06-01/runtime/invocation/"
# Source: AWS Lambda developer guide, "Lambda quotas": file descriptors.
OPEN_FILES = 1_024
_CHUNK_BYTES = 256 * 1024


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
    """The connection to the Runtime API that this process was born with: half the price of one over TCP."""

    def __init__(self, inherited: int) -> None:
        os.set_inheritable(inherited, False)  # noqa: FBT003 - it is nothing to what the function starts
        self._socket = socket.socket(fileno=inherited)
        self._received = b""

    def send(self, requests: bytes) -> None:
        self._socket.sendall(requests)

    def receive(self) -> tuple[dict[str, str], bytes]:
        """Read one answer: headers by lower-case name, body."""
        while (end := self._received.find(b"\r\n\r\n")) < 0:
            self._more()
        _, *lines = self._received[:end].decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        whole = end + 4 + int(headers["content-length"])
        while len(self._received) < whole:
            self._more()
        body, self._received = self._received[end + 4 : whole], self._received[whole:]
        return headers, body

    def _more(self) -> None:
        chunk = self._socket.recv(_CHUNK_BYTES)
        if not chunk:  # the emulator is gone, and nobody is left to be told
            sys.exit(1)
        self._received += chunk


def _fast_client(address: str, inherited: int) -> object:
    """Make a client for awslambdaric's loop that takes the short way for events and answers."""
    from awslambdaric.lambda_runtime_client import (  # noqa: PLC0415 - after the path is right
        InvocationRequest,
        LambdaRuntimeClient,
    )

    class FastClient(LambdaRuntimeClient):  # type: ignore[misc]
        """Errors take the usual way."""

        def __init__(self) -> None:
            super().__init__(address)
            self._wire = _Wire(inherited)
            self._answer = b""

        def post_invocation_result(
            self,
            invoke_id: str,
            result_data: str | bytes,
            content_type: str = "application/json",
            invocation_id: str | None = None,
        ) -> None:
            """Keep the answer: it leaves with the wish for the next event, which the loop utters at once."""
            del invocation_id
            body = result_data if isinstance(result_data, bytes) else result_data.encode()
            head = (
                f"POST {_API}{invoke_id}/response HTTP/1.1\r\nHost: {address}\r\n"
                f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            self._answer = head.encode("latin-1") + body

        def wait_next_invocation(self) -> object:
            answer, self._answer = self._answer, b""
            self._wire.send(answer + f"GET {_API}next HTTP/1.1\r\nHost: {address}\r\n\r\n".encode())
            if answer:
                self._wire.receive()  # accepted, or too large: the caller has been told, and we go on
            headers, body = self._wire.receive()
            return InvocationRequest(
                invoke_id=headers.get("lambda-runtime-aws-request-id"),
                x_amzn_trace_id=headers.get("lambda-runtime-trace-id"),
                invoked_function_arn=headers.get("lambda-runtime-invoked-function-arn"),
                deadline_time_in_ms=int(headers["lambda-runtime-deadline-ms"]),
                client_context=headers.get("lambda-runtime-client-context"),
                cognito_identity=headers.get("lambda-runtime-cognito-identity"),
                tenant_id=headers.get("lambda-runtime-aws-tenant-id"),
                content_type=headers.get("content-type"),
                event_body=body,
                invocation_id=headers.get("lambda-runtime-invocation-id"),
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
