"""Imports go downwards only; each contract is shown to notice an import that goes the wrong way."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.law.source import ROOT, Source, modules

PACKAGES = ("chalicelib", "emulator", "infra")
CONTRACTS: list[dict[str, str]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
    "contracts"
]
MONEY_ROOMS = ("accounts", "payments", "refunds", "tokens", "transfers")

PLANTED = {
    "Rooms import downwards only": ("chalicelib/ledger/chart.py", "import chalicelib.web.reply"),
    "Platform and emulator meet as in AWS: an event, an answer, a handler string": (
        "emulator/clock.py",
        "import chalicelib.kernel.clock",
    ),
    "What ships knows nothing of what builds it": ("chalicelib/wiring.py", "import infra.files"),
}


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter as a developer would."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=60)


def test_the_contracts_are_kept() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout
    assert f"Contracts: {len(CONTRACTS)} kept, 0 broken." in done.stdout


@pytest.mark.parametrize("contract", [contract["name"] for contract in CONTRACTS])
def test_a_planted_import_breaks_the_contract(contract: str, tmp_path: Path) -> None:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    path, line = PLANTED[contract]
    with (tmp_path / path).open("a") as file:
        file.write(f"\n{line}\n")
    done = lint(tmp_path)
    assert done.returncode == 1, done.stdout
    assert f"{contract} BROKEN" in done.stdout


def private_imports(source: Source) -> list[str]:
    """Return the imports from one room's insides into another's: only records.py is public."""
    found = []
    for room in MONEY_ROOMS:
        for line in source.text.splitlines():
            taken = line.startswith((f"from chalicelib.{room}", f"import chalicelib.{room}"))
            if taken and not source.within(f"chalicelib/{room}/") and f"chalicelib.{room}.records " not in line:
                found.append(f"{source.path}: {line}; between rooms only records.py is public")
    return found


def test_between_rooms_only_the_records_are_public() -> None:
    assert not [line for source in modules("chalicelib") if source.path != "app.py" for line in private_imports(source)]


def test_a_room_that_looks_into_another_is_found() -> None:
    looks = Source("chalicelib/refunds/create.py", "from chalicelib.payments.payment import Payment\n")
    assert private_imports(looks)
    public = Source("chalicelib/refunds/create.py", "from chalicelib.payments.records import read_payment\n")
    assert not private_imports(public)
