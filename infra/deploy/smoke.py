"""The smoke test: what only a request through the public URL can tell."""

import time
from collections.abc import Sequence
from http.client import HTTPException
from typing import Final

from infra.deploy.fault import DeployFault
from infra.local.api_client import Answer, Api, Credentials

_GUARDED: Final = "/v1/accounts"
_FORM_BODY: Final = b"grant_type=client_credentials"
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}


def smoke(url: str, ca: str, settling_seconds: Sequence[float] = ()) -> list[str]:
    """Ask the API; return what was seen, or raise DeployFault with the first thing that is wrong.

    It is asked again after each of these waits while something is.
    """
    for seconds in settling_seconds:
        try:
            return _ask(url, ca)
        except DeployFault:
            time.sleep(seconds)
    return _ask(url, ca)


def _ask(url: str, ca: str) -> list[str]:
    api = Api(url, ca, Credentials("", "", ""))
    try:
        return [
            _expect(api.send("GET", "/v1/health", None, {}), 200, "GET /v1/health"),
            _expect(api.send("GET", _GUARDED, None, {}), 401, f"GET {_GUARDED} without a token"),
            _expect(api.send("GET", _GUARDED, None, _forged()), 401, f"GET {_GUARDED} with a forged token"),
            _expect(api.send("POST", "/oauth2/token", _FORM_BODY, _FORM), 401, "POST /oauth2/token by nobody"),
            _expect(api.send("GET", "/v1/nothing", None, {}), 403, "GET /v1/nothing"),
        ]
    except (OSError, HTTPException) as error:
        raise DeployFault(f"{url} does not answer: {error}") from None
    finally:
        api.close()


def _forged() -> dict[str, str]:
    """A token that nobody has signed."""
    return {"Authorization": "Bearer eyJhbGciOiJub25lIn0.e30."}


def _expect(answer: Answer, status: int, what: str) -> str:
    if answer.status != status:
        body = answer.body.decode(errors="replace")[:300]
        raise DeployFault(f"smoke test: {what} should be answered with {status}, not {answer.status}: {body}")
    return f"{what}: {status}"
