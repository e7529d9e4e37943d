"""A clone of today and one of next year install the same packages: every one is pinned, by one version."""

import re
from collections.abc import Iterator
from importlib.metadata import distributions

from tests.law.source import ROOT

FILES = (
    "requirements.txt",
    "requirements-dev.txt",
    "constraints.txt",
    "infra/local/ministack-constraints.txt",
    "tests/integration/deploy/linters.txt",
)
PIN = re.compile(r"([A-Za-z0-9._-]+)(\[[a-z0-9,]+\])?==([A-Za-z0-9.]+)")
OPTIONS = ("-r requirements.txt",)
TOOLS = {"pip"}


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def _loose(text: str) -> list[str]:
    return [line for line in _lines(text) if line not in OPTIONS and not PIN.fullmatch(line)]


def _pins(text: str) -> Iterator[tuple[str, str]]:
    for found in map(PIN.fullmatch, _lines(text)):
        if found:
            yield re.sub(r"[._-]+", "-", found[1]).lower(), found[3]


TEXT = {file: (ROOT / file).read_text() for file in FILES}


def test_every_package_is_pinned() -> None:
    assert not [line for text in TEXT.values() for line in _loose(text)]


def test_a_loose_line_is_found() -> None:
    planted = "moto[server]==5.2.5\npytest>=9\nboto3\n--find-links somewhere\n"
    assert _loose(planted) == ["pytest>=9", "boto3", "--find-links somewhere"]


def test_the_files_agree() -> None:
    everything = dict(_pins(TEXT["constraints.txt"]))
    named = [*_pins(TEXT["requirements.txt"]), *_pins(TEXT["requirements-dev.txt"])]
    assert named
    assert not [(name, version) for name, version in named if everything.get(name) != version]


def test_what_is_installed_is_what_is_pinned() -> None:
    everything = dict(_pins(TEXT["constraints.txt"]))
    installed = {re.sub(r"[._-]+", "-", one.name).lower(): one.version for one in distributions()}
    drifted = {name: installed[name] for name in everything if installed.get(name, "") not in ("", everything[name])}
    assert not drifted, "run make again: the pins changed after .venv was made"
    assert not everything.keys() - installed.keys(), "constraints.txt names what nothing brings along"
    assert not installed.keys() - everything.keys() - TOOLS, "run pip freeze: constraints.txt lacks these"
