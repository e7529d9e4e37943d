"""Commands for the stage `local` find the stack that `make run` has started."""

import json
import os
from collections.abc import MutableMapping
from pathlib import Path

from infra.local.place import AWS_FILE, STAGE, data_folder


def attach(stage: str, environ: MutableMapping[str, str] = os.environ) -> Path | None:
    """Point AWS's clients at the running stack and return its data folder.

    None where there is nothing to do: another stage, an endpoint that is named already, or no stack.
    """
    if stage != STAGE or any(name.startswith("AWS_ENDPOINT_URL") for name in environ):
        return None
    data = data_folder(environ)
    if not (data / AWS_FILE).exists():
        return None
    environ.update(json.loads((data / AWS_FILE).read_text()))
    return data
