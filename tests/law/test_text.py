"""What no file of the project may hold, whatever its kind."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.law.source import ROOT, files

BINARY = {".png", ".ico", ".gz", ".zip", ".db"}


@dataclass(frozen=True, slots=True)
class Text:
    """A pattern, why it may not be there, and a line that holds it (in two parts: this file is read too)."""

    pattern: re.Pattern[str]
    why: str
    planted: tuple[str, ...]
    but: re.Pattern[str] | None = None
    where: re.Pattern[str] = re.compile("")

    def broken(self, path: str, text: str) -> Iterator[str]:
        """Give a line for each place where a file breaks it."""
        if not self.where.match(path):
            return
        for number, line in enumerate(text.splitlines(), 1):
            if self.pattern.search(line) and not (self.but and self.but.search(line)):
                yield f"{path}:{number}: {line.strip()[:80]}: {self.why}"


TEXTS = {
    "every interface": Text(
        re.compile(r"\b0\.0\.0\.0\b"), "bind 127.0.0.1 unless told otherwise", ('host = "0.0.', '0.0"')
    ),
    "paths of one machine": Text(
        re.compile(r"(?<![\w.])/(work|root|farm|home/\w+|Users/\w+|tmp/\w+)/"),
        "say it relative to the root, or ask tempfile",
        ("open('/ro", "ot/x/y')"),
    ),
    "package registries": Text(
        re.compile(r"pypi[.](org|python)|python[h]osted|registry[.]npmjs|--(extra-)?index[-]url"),
        "the client's own configuration says where packages come from",
        ("https://registry.", "npmjs.org/x"),
    ),
    "transactions": Text(
        re.compile(r"transaction", re.IGNORECASE),
        "the word is DynamoDB's only; say payment, transfer, entry or commit (docs/glossary.md)",
        ("Makes a trans", "action."),
        but=re.compile(r"DynamoDB"),
        where=re.compile(r"chalicelib/(?!store/)"),
    ),
    "private keys": Text(
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY"), "make one where it is used", ("-----BEGIN PRIV", "ATE KEY-----")
    ),
    "conflict markers": Text(re.compile(r"^(<{7} |>{7} |={7}$)"), "finish the merge", ("<<<<", "<<< ours")),
}

each_text = pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in TEXTS.items()])


@each_text
def test_it_is_nowhere(text: Text) -> None:
    readable = [path for path in files() if path.suffix not in BINARY]
    broken = [
        line
        for path in readable
        for line in text.broken(path.relative_to(ROOT).as_posix(), path.read_text(errors="replace"))
    ]
    assert not broken, "\n".join(broken)


@each_text
def test_it_can_be_broken(text: Text) -> None:
    assert list(text.broken("chalicelib/payments/planted.py", "fine\n" + "".join(text.planted) + "\n"))
