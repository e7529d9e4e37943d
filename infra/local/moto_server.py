"""Runs moto's server on the loopback interface with its DynamoDB transactions put right."""

import argparse
import os
import signal
import sys
from types import FrameType

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from infra.local import moto_iterators, moto_transactions


class _Handler(MotoRequestHandler):
    """Answers at once and without a log line for each request."""

    disable_nagle_algorithm = True  # headers and body are two writes: 40 ms each time otherwise

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing; errors are still written."""


def _stop(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def main() -> None:
    """Serve until SIGTERM or SIGINT; all data is gone then."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    os.environ["MOTO_PORT"] = str(arguments.port)
    moto_transactions.apply()
    moto_iterators.apply()
    make_server(
        arguments.host,
        arguments.port,
        DomainDispatcherApplication(create_backend_app),
        threaded=True,
        request_handler=_Handler,
    ).serve_forever()


if __name__ == "__main__":
    main()
