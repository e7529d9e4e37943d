"""What README and ARCHITECTURE quote is run, looked up and compared."""

import os
import re
import subprocess
from importlib import import_module
from pathlib import Path

import pytest

from infra.local.engines import ROOT as ENGINES_ROOT
from infra.local.place import Place
from tests.docs.pages import Block, links, page, quoted, quoted_places, shell_blocks, table_rows
from tests.e2e.local_stack import LocalStack
from tests.law.source import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
ROOMS = sorted(path.parent.name for path in (ROOT / "chalicelib").glob("*/entrypoint.py"))
MARK = "--8<--"


def test_a_payment_in_five_minutes_works_as_shown(stack: LocalStack, tmp_path: Path) -> None:
    blocks = shell_blocks(page("README.md"))
    assert len(blocks) >= 6
    _run(blocks, stack, tmp_path)


@pytest.mark.parametrize("name", ["docs/accounts.md", "docs/events.md", "docs/transfers.md"])
def test_what_a_page_shows_after_the_first_two_steps_works(name: str, stack: LocalStack, tmp_path: Path) -> None:
    blocks = shell_blocks(page(name))
    assert blocks
    _run([*shell_blocks(page("README.md"))[:2], *blocks], stack, tmp_path)


def _run(blocks: list[Block], stack: LocalStack, tmp_path: Path) -> None:
    (tmp_path / ".local").symlink_to(stack.local)
    script = f"\necho '{MARK}'\n".join(block.code for block in blocks)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert [shown.strip() for shown in done.stdout.split(MARK)] == [block.output.strip() for block in blocks]


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(file: Path) -> None:
    for target in links(file):
        assert (file.parent / target).exists(), target


@pytest.mark.parametrize(
    "name",
    [
        "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md",
        "docs/accounts.md", "docs/data-model.md", "docs/errors.md", "docs/events.md", "docs/ledger.md",
        "docs/operations.md",
    ],
)  # fmt: skip
def test_every_quoted_path_exists(name: str) -> None:
    made_by_running = (".local",)
    for place in quoted_places(page(name)):
        if not place.startswith(("/", *made_by_running)):
            assert list(ROOT.glob(place)) or list((ROOT / "chalicelib").glob(place)), place


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "docs/operations.md"])
def test_every_make_target_exists(name: str) -> None:
    heads = re.findall(r"^([a-z-]+(?: [a-z-]+)*):(?: |$)", page("Makefile"), re.MULTILINE)
    targets = {target for head in heads for target in head.split()}
    said = {word.split()[1] for word in quoted(page(name)) if word.startswith("make ")}
    said |= {line.split()[1] for line in page(name).splitlines() if line.startswith("    make ")}
    assert said
    assert said <= targets


def test_each_word_has_one_meaning_and_is_found_where_it_is_looked_for() -> None:
    words = [row[0] for row in table_rows(page("docs/glossary.md"), "word")]
    assert words == sorted(set(words))


def test_the_variables_have_the_defaults_that_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.local.place._port", lambda text: int(text or 8443))
    place = Place.from_environment({})
    said = {row[0].strip("`"): row[1].strip("`") for row in table_rows(page("README.md"), "variable")}
    data = place.data.relative_to(ENGINES_ROOT).as_posix()
    local = place.local.relative_to(ENGINES_ROOT).as_posix()
    assert said == {
        "PORT": str(place.port),
        "LOCAL": local,
        "DATA": data,
        "ENGINE": place.engine,
        "WORKER": place.worker,
        "DEPLOYED": str(int(place.deployed)),
    }


def test_the_functions_have_the_routes_that_are_said() -> None:
    said = {
        row[0]: {route.strip("`") for route in row[1].split(", ")}
        for row in table_rows(page("ARCHITECTURE.md"), "function")
    }
    modules = {room: import_module(f"chalicelib.{room}.entrypoint") for room in ROOMS}
    assert said == {room: set(module.service.routes) for room, module in modules.items() if hasattr(module, "service")}


def test_the_path_of_a_payment_is_the_path() -> None:
    text = page("ARCHITECTURE.md").split("## The path of")[1].split("##")[0]
    assert [place for place in quoted_places(text) if not place.startswith("/")] == [
        "emulator/gateway/chain.py",
        "chalicelib/payments/entrypoint.py",
        "chalicelib/web/serve.py",
        "chalicelib/payments/create.py",
        "chalicelib/ledger/movements.py",
        "chalicelib/store/transact.py",
    ]
    served = import_module("chalicelib.payments.entrypoint").service.routes["POST /v1/payments"]
    assert served.operation.__module__ == "chalicelib.payments.create"


def test_the_rooms_stand_in_the_order_of_the_law() -> None:
    layers = page("pyproject.toml").split("layers = [")[1].split("]")[0]
    told = page("ARCHITECTURE.md").split("```")[1].splitlines()
    for line, layer in zip((line for line in told if line), layers.strip().splitlines(), strict=True):
        rooms = {room.strip(' ",').removeprefix("chalicelib.") for room in layer.split(" : ")}
        assert set(line.split("     ")[0].split()) == rooms
