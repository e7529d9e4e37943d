"""The floors: import-linter proves the contracts of pyproject.toml, and each is shown to fail on a planted import."""

import shutil
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import grimp
import pytest

from tests.law.source import ROOT

PACKAGES = ("chalicelib", "emulator", "infra")
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"

FROM_THE_RUNTIME = {"boto3", "botocore", "chalice"}
"""What a deployed function finds without its being in requirements.txt: two from Lambda, one put in by Chalice."""


def _lint(root: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", LINT, "--config", "pyproject.toml", "--no-cache"]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=60)


def test_the_contracts_hold() -> None:
    done = _lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("file", "planted", "contract"),
    [
        ("chalicelib/kernel/money.py", "import chalicelib.ledger.chart", "downwards only"),
        ("chalicelib/ledger/chart.py", "import chalicelib.store.keys", "downwards only"),
        ("chalicelib/store/keys.py", "import chalicelib.web.request", "downwards only"),
        ("chalicelib/web/request.py", "import chalicelib.wiring", "downwards only"),
        ("chalicelib/wiring.py", "import chalicelib.payments.records", "downwards only"),
        ("chalicelib/payments/get.py", "import chalicelib.refunds.create", "only records.py"),
        ("chalicelib/settings.py", "import emulator.clock", "meet as in AWS"),
        ("emulator/clock.py", "import chalicelib.kernel.clock", "meet as in AWS"),
        ("chalicelib/settings.py", "import infra.tables", "nothing of what builds it"),
        ("infra/tables.py", "import emulator.server", "starts the emulator"),
        ("chalicelib/payments/get.py", "import boto3", "boto3 is for the store"),
        ("emulator/keyset.py", "import botocore", "boto3 is for the store"),
        ("emulator/server.py", "import moto", "stand-ins"),
    ],
)
def test_a_planted_import_is_found(tmp_path: Path, file: str, planted: str, contract: str) -> None:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "*.yaml"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / file).open("a") as source:
        source.write(f"\n{planted}\n")
    done = _lint(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    broken = [line for line in done.stdout.splitlines() if " BROKEN" in line]
    assert [line for line in broken if contract in line], done.stdout


def _imported_by(package: str) -> set[str]:
    """Return the distributions that a package imports from, by the names pip knows them by."""
    graph = grimp.build_graph(package, include_external_packages=True, cache_dir=None)
    outside = {module for module in graph.modules if graph.is_module_squashed(module)}
    known = packages_distributions()
    names = {name for module in outside - sys.stdlib_module_names for name in known.get(module, [module])}
    return {name.lower().replace("_", "-") for name in names}


def _pinned(file: str) -> set[str]:
    lines = (line.strip() for line in (ROOT / file).read_text().splitlines())
    return {line.split("==")[0].split("[")[0].lower().replace("_", "-") for line in lines if "==" in line}


def test_what_ships_is_in_requirements_txt() -> None:
    missing = _imported_by("chalicelib") - _pinned("requirements.txt") - FROM_THE_RUNTIME
    assert not missing, "a function would fail at its first import"


@pytest.mark.parametrize("package", ["emulator", "infra"])
def test_what_runs_here_is_in_requirements_dev_txt(package: str) -> None:
    direct = _pinned("requirements.txt") | _pinned("requirements-dev.txt")
    came_along = {"botocore", "werkzeug"}  # with boto3 and with moto's server
    missing = _imported_by(package) - direct - came_along - {"chalicelib", "emulator", "infra"}
    assert not missing, "name it in requirements-dev.txt: what came along may go again"
