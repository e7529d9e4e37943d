"""Reads the pages: their fenced blocks, their tables, their links, what they quote."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from tests.law.source import ROOT

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
_QUOTED = re.compile(r"`([^`\n]+)`")
_MARK = "--8<--"
_PLACE = re.compile(r"\.?[\w.-]+(/[\w.*-]+)*/?")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block, with the output that the page shows for it."""

    code: str
    output: str


def page(name: str) -> str:
    """Return the text of a page."""
    return (ROOT / name).read_text()


def shell_blocks(text: str) -> list[Block]:
    """Return the shell blocks in order; a plain block that follows one is its output."""
    found = [(language, body) for language, body in _FENCE.findall(text)]
    return [
        Block(body, following if next_language == "" else "")
        for (language, body), (next_language, following) in pairwise([*found, ("end", "")])
        if language == "sh"
    ]


def links(file: Path) -> Iterator[str]:
    """Yield the links to files of the repository."""
    for target in _LINK.findall(file.read_text()):
        if "://" not in target:
            yield target


def quoted(text: str) -> Iterator[str]:
    """Yield what is quoted in the running text, without the fenced blocks."""
    yield from _QUOTED.findall(_FENCE.sub("", text))


def quoted_places(text: str) -> Iterator[str]:
    """Yield what is quoted and has a slash in it like a path of the repository."""
    for word in quoted(text):
        if "/" in word and _PLACE.fullmatch(word):
            yield word


def table_rows(text: str, first_cell: str) -> list[list[str]]:
    """Return the rows of the table whose head begins with a cell."""
    rows: list[list[str]] = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if rows and not line.startswith("|"):
            break
        if rows or line.startswith(f"| {first_cell} |"):
            rows.append(cells)
    return rows[2:]


def section(text: str, title: str) -> str:
    """Return what stands under a heading, up to the next one of whatever depth."""
    _, _, rest = text.partition(f"# {title}\n")
    assert rest, f"there is no heading {title!r}"
    return re.split(r"^#", rest, maxsplit=1, flags=re.MULTILINE)[0]


def run_blocks(blocks: list[Block], local: Path, folder: Path) -> None:
    """Run the blocks in one shell, as somebody would who has this `.local`; each has to print what the page shows."""
    (folder / ".local").symlink_to(local)
    (folder / ".venv").symlink_to(sys.prefix)
    script = f"\necho '{_MARK}'\n".join(block.code for block in blocks)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert [shown.strip() for shown in done.stdout.split(_MARK)] == [block.output.strip() for block in blocks]
