"""`make demo`: the story of a payment, call by call, against the running stack or one of its own."""

import json
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final

from infra.local.api_client import Answer, Api
from infra.local.engines import free_port
from infra.local.finding import Finding
from infra.local.place import Place, local_folder
from infra.local.run import guarded, running
from infra.local.seed import Sandbox, read_sandbox, seed
from infra.local.story import Ids, Step, steps

TOLD: Final = ("id", "status", "amount", "amount_captured", "amount_refunded", "balance", "version")
"""What is shown of a resource."""


class ToldOtherwise(Finding):
    """An answer was not the one the story promises."""


def tell(sandbox: Sandbox) -> int:
    """Tell the story and return the number of calls; raise ToldOtherwise when an answer is another."""
    api, chapter = sandbox.api(), secrets.token_hex(6)
    started = time.perf_counter()
    api.login()
    print(f"\nA token, by client id and secret.\n  {_milliseconds(started)}\n", flush=True)
    ids: Ids = dict(sandbox.accounts)
    try:
        return sum(_tell(step, api, ids, chapter) for step in steps())
    finally:
        api.close()


def _tell(step: Step, api: Api, ids: Ids, chapter: str) -> int:
    key = f"demo-{chapter}-{step.key}" if step.key else None
    started = time.perf_counter()
    answer = step.send(api, ids, key)
    took = _milliseconds(started)
    print(f"{step.says}\n  {step.method} {step.path(ids)}\n  {_shown(answer)}\n  {took}\n", flush=True)
    if answer.status != step.expected:
        raise ToldOtherwise(f"expected {step.expected}, got {answer.status}: {answer.body.decode(errors='replace')}")
    if step.available is not None and answer.json["balance"]["available"] != step.available:
        raise ToldOtherwise(f"expected {step.available} to be available, not {answer.json['balance']}")
    if step.keep:
        ids[step.keep] = answer.json["id"]
    return 1


def _shown(answer: Answer) -> str:
    replayed = " (replayed)" if "idempotent-replayed" in answer.headers else ""
    return f"{answer.status}{replayed} {_gist(answer.json)}"


def _gist(body: Any) -> str:
    """Return what the story is about: the words of a problem, the rows of a list, the money of a resource."""
    if "code" in body:
        return f"{body['code']}: {body['detail']}"
    if "data" in body:
        return ", ".join(_gist(row) for row in body["data"])
    return " ".join(f"{name} {json.dumps(body[name])}" for name in TOLD if name in body)


def _milliseconds(started: float) -> str:
    return f"{(time.perf_counter() - started) * 1_000:.1f} ms"


def found(place_file: Path) -> Sandbox | None:
    """Return the sandbox of a stack that is running now."""
    if not place_file.exists():
        return None
    sandbox = read_sandbox(place_file)
    api = sandbox.api()
    try:
        return sandbox if api.send("GET", "/v1/health", None, {}).status == 200 else None
    except (OSError, HTTPException):
        return None
    finally:
        api.close()


@contextmanager
def _somewhere() -> Iterator[Sandbox]:
    """Give the running stack, or start one whose data ends with the story."""
    sandbox = found(local_folder() / "sandbox.json")
    if sandbox is not None:
        print(f"with the stack at {sandbox.base_url}")
        yield sandbox
        return
    with tempfile.TemporaryDirectory(prefix="tollgate-demo-") as folder:
        os.environ["PORT"] = os.environ.get("PORT") or str(free_port())
        place = replace(Place.from_environment(), data=Path(folder) / "data")
        with running(place, Path(folder) / "access.log") as (stack, _):
            print(f"with a stack of its own at {place.base_url} on {stack.engine.name}; its data ends with it")
            yield seed(place.data, place.base_url, stack.certificates.ca)


def _demo() -> None:
    with _somewhere() as sandbox:
        started = time.perf_counter()
        calls = tell(sandbox)
        print(f"{calls} calls as told, {_milliseconds(started)}")


if __name__ == "__main__":
    sys.exit(guarded(_demo))
