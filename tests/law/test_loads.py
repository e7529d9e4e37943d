"""What each function has loaded when it is ready for its first event: a cold start pays for all of it.

Each entrypoint is imported in an interpreter of its own. What is found has to be exactly what the tables here say, so that
growth is seen and so is what has become unnecessary.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final

import pytest

from infra.functions import function_rows
from tests.law.source import ROOT

PREFIX: Final = "tollgate-local-"
ROWS: Final = {row["name"].removeprefix(PREFIX): row for row in function_rows("local")}
IMPORT_SECONDS: Final = 60

LOGGING: Final = frozenset(
    {"aws_lambda_powertools", "botocore", "chalice", "httptools", "jmespath", "typing_extensions"}
)
"""Powertools looks whether there is a botocore, and takes jmespath along; both are in Lambda's runtime or the zip."""
MODELS: Final = LOGGING | {"orjson", "pydantic", "pydantic_core", "annotated_types", "typing_inspection"}

PACKAGES: Final[Mapping[str, frozenset[str]]] = {
    "tokens": MODELS,
    "accounts": MODELS,
    "payments": MODELS,
    "payments_due": MODELS,
    "refunds": MODELS,
    "transfers": MODELS,
    "transfers_due": MODELS,
    "events": MODELS,
    "clocks": MODELS,
    "projections": LOGGING | {"orjson"},
    "verifier": LOGGING | {"orjson"},
    "keys": LOGGING - {"httptools"} | {"orjson"},
}
"""By function: the packages besides Python's own."""

MADE_ANEW: Final = frozenset({"projections", "projections.history", "projections.once", "projections.records"})
REPLAYED: Final = frozenset(
    {
        *("accounts", "accounts.account", "accounts.gather", "accounts.records"),
        *("payments", "payments.payment", "payments.records"),
        *("refunds", "refunds.refund", "refunds.records"),
        *("transfers", "transfers.transfer", "transfers.records"),
        *("clocks", "clocks.records"),
    }
)

OTHER_ROOMS: Final[Mapping[str, frozenset[str]]] = {
    "accounts": frozenset({"projections", "projections.records"}),
    "payments": frozenset({"projections", "projections.records"}),
    "payments_due": frozenset({"projections", "projections.records"}),
    "events": frozenset({"projections", "projections.records"}),
    "refunds": frozenset({"payments", "payments.payment", "payments.records"}),
    "verifier": MADE_ANEW | REPLAYED,
}
"""By function: what it loads of other capabilities. Only `records` is public, with the nouns that it decodes."""

BELOW: Final = frozenset({"kernel", "ledger", "settings", "store", "web", "wiring"})
EMPTY_BUT_FOR: Final = {"botocore": {"botocore"}, "chalice": {"chalice", "chalice.app"}}
"""Of botocore only its top; of Chalice only what a Blueprint is: no command line, no packager, no templates."""

NOT_OF_PYTHON: Final = frozenset(
    {"asyncio", "http.client", "multiprocessing", "sqlite3", "ssl", "unittest", "urllib.request"}
)
"""Of Python's own: what costs as much as a package."""

OF_THE_ENVIRONMENT: Final = frozenset({"_distutils_hack"})
"""What a developer's environment starts every interpreter with."""

PROGRAM: Final = """
import importlib, json, sys
importlib.import_module(sys.argv[1])
print(json.dumps({name: getattr(module, "__file__", None) or "" for name, module in sys.modules.items()}))
"""


@cache
def _loaded(handler_module: str) -> Mapping[str, str]:
    """Return each module and its file; what of the environment decides is as it is deployed."""
    environment = {"PATH": os.environ["PATH"], **ROWS["payments"]["environment"]}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, handler_module],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=IMPORT_SECONDS,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _modules(function: str) -> Mapping[str, str]:
    return _loaded(ROWS[function]["handler"].rpartition(".")[0])


def _packages(modules: Mapping[str, str]) -> set[str]:
    tops = {name.partition(".")[0] for name, file in modules.items() if "site-packages" in file}
    return tops - OF_THE_ENVIRONMENT


def _other_rooms(modules: Iterable[str], own: str) -> set[str]:
    ours = {name.removeprefix("chalicelib.") for name in modules if name.startswith("chalicelib.")}
    return {name for name in ours if name.partition(".")[0] not in BELOW | {own}}


def test_every_function_is_in_the_table() -> None:
    assert PACKAGES.keys() == ROWS.keys()


@pytest.mark.parametrize("function", PACKAGES)
def test_a_function_loads_these_packages_and_no_other(function: str) -> None:
    modules = _modules(function)
    assert _packages(modules) == PACKAGES[function]
    for package, allowed in EMPTY_BUT_FOR.items():
        assert {name for name in modules if name.partition(".")[0] == package} == allowed


@pytest.mark.parametrize("function", PACKAGES)
def test_a_function_loads_no_other_capability_than_it_says(function: str) -> None:
    own = ROWS[function]["handler"].split(".")[1]
    assert _other_rooms(_modules(function), own) == OTHER_ROOMS.get(function, set())


@pytest.mark.parametrize("function", PACKAGES)
def test_a_function_loads_neither_the_app_nor_what_stands_beside_it(function: str) -> None:
    beside = {"app", "emulator", "infra", "tests", "benchmarks", "boto3"}
    assert not beside & {name.partition(".")[0] for name in _modules(function)}
    assert not NOT_OF_PYTHON & _modules(function).keys()


def test_another_room_and_another_package_would_be_seen() -> None:
    planted = {"chalicelib.refunds.create": "", "chalicelib.store.keys": "", "jinja2.loaders": "/site-packages/j.py"}
    assert _other_rooms(planted, "payments") == {"refunds.create"}
    assert _packages(planted) == {"jinja2"}
