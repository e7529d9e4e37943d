"""How often boto3 asks a stand-in whether a function is there: its own 5 s are for AWS.

Chalice makes one function after the other and waits for each; a stand-in has it within a second. What botocore knows of
a service it reads from `AWS_DATA_PATH` before its own files. Source: botocore's loaders.py.
"""

import json
from math import ceil
from pathlib import Path
from typing import Final

from botocore.loaders import Loader

from infra.files import PUBLIC_MODE, replace_file

POLL_SECONDS: Final = 0.75
_KIND: Final = "waiters-2"


def write_waiters(folder: Path) -> None:
    """Write Lambda's waiters anew: they wait as long as botocore's own, and look more often."""
    loader = Loader()
    model = loader.load_service_model("lambda", _KIND)
    for waiter in model["waiters"].values():
        seconds = waiter["delay"] * waiter["maxAttempts"]
        waiter |= {"delay": min(waiter["delay"], POLL_SECONDS), "maxAttempts": ceil(seconds / POLL_SECONDS)}
    version = loader.determine_latest_version("lambda", _KIND)
    replace_file(folder / "lambda" / version / f"{_KIND}.json", json.dumps(model).encode(), PUBLIC_MODE)
