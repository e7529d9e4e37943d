"""Functions that somebody else runs: invoked through the Lambda API of an endpoint, LocalStack's for example."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from emulator.lambdas.config import Outcome
from emulator.lambdas.pool import TooManyRequests, UnknownFunction

AT_ONCE = 64
# Longer than any integration waits: it is the gateway that gives up, at 29 s.
READ_SECONDS = 35
CONNECT_SECONDS = 3
UNREACHABLE = b'{"errorType":"Endpoint.Unreachable","errorMessage":"the Lambda endpoint did not answer"}'


class RemoteFunctions:
    """The functions of a Lambda endpoint, by name; nothing is started here and nothing is stopped."""

    def __init__(self, endpoint: str, region: str) -> None:
        """Take the endpoint; credentials come from boto3's usual places."""
        config = Config(
            retries={"total_max_attempts": 1},
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            max_pool_connections=AT_ONCE,
        )
        self._client = boto3.client("lambda", endpoint_url=endpoint, region_name=region, config=config)
        self._threads = ThreadPoolExecutor(AT_ONCE, "invoke")

    async def start(self) -> None:
        """Do nothing: they run already."""

    async def stop(self) -> None:
        """Leave what is still waiting for an answer alone."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def invoke(self, name: str, payload: bytes, *, request_id: str, trace_id: str = "") -> Outcome:
        """Run one event and return how it ended; raises UnknownFunction and TooManyRequests."""
        del request_id, trace_id  # the endpoint gives the invocation names of its own
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._invoke, name, payload)

    def _invoke(self, name: str, payload: bytes) -> Outcome:
        try:
            answer = self._client.invoke(FunctionName=name, Payload=payload)
            return Outcome(answer["Payload"].read(), "Unhandled" if answer.get("FunctionError") else None)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "ResourceNotFoundException":
                raise UnknownFunction(name) from error
            if code == "TooManyRequestsException":
                raise TooManyRequests(name) from error
            return Outcome(UNREACHABLE, "Unhandled")
        except BotoCoreError:
            return Outcome(UNREACHABLE, "Unhandled")
