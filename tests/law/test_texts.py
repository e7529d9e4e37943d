"""What every file must keep to: names, length, addresses, and nothing of the machine it was written on."""

import ast
import re
import statistics
from collections.abc import Callable, Iterator

import pytest

from tests.law.source import Source, modules, texts

LONGEST_FILE = 400
LONGEST_TEST = 500
"""Cases stand in rows."""

LONGEST_FUNCTION = 60
USUAL_FUNCTION = 10
LONG_FUNCTION = 30
"""More than that is for one function in fifty."""

VAGUE = {"utils", "helpers", "common", "manager", "base", "service", "misc", "util", "helper"}
THIS_FILE = "tests/law/test_texts.py"
"""It has to name what it bans."""

MACHINE = re.compile(r"(?<![\w.>}])/(tmp|work|root|home|opt)/[\w.]")
REGISTRY = re.compile(r"https?://[^\s\"']*(artifactory|nexus|pypi\.internal|\.corp\b|localhost:\d+/simple)")
EVERY_INTERFACE = re.compile(r"0\.0\.0\.0|(?<![\w:])\[::\]")
TRANSACTION = re.compile(r"transaction", re.IGNORECASE)

Law = Callable[[Source], Iterator[str]]


def vague_names(source: Source) -> Iterator[str]:
    """A name says what is inside: a noun of the business, or a verb."""
    words = set(source.path.rsplit("/", 1)[-1].split(".")[0].removeprefix("test_").split("_"))
    folders = set(source.path.split("/")[:-1])
    for word in sorted((words | folders) & VAGUE):
        yield f"{source.path}: {word} says nothing; name it for what it holds"


def long_files(source: Source) -> Iterator[str]:
    """A file is read in one sitting."""
    lines, most = source.text.count("\n"), LONGEST_TEST if source.within("tests/") else LONGEST_FILE
    if source.path.endswith(".py") and lines > most:
        yield f"{source.path}: {lines} lines; split it by what it does"


def long_functions(source: Source) -> Iterator[str]:
    """A function is seen at once."""
    if source.within("tests/"):
        return
    for name, length in _functions(source):
        if length > LONGEST_FUNCTION:
            yield f"{source.path}: {name} has {length} lines; name its steps"


def open_addresses(source: Source) -> Iterator[str]:
    """Everything here listens on the loopback."""
    yield from _lines(source, EVERY_INTERFACE, "listens on every interface; use 127.0.0.1")


def machine_paths(source: Source) -> Iterator[str]:
    """A clone works anywhere."""
    yield from _lines(source, MACHINE, "is a path of one machine; start from ROOT or tmp_path")
    yield from _lines(source, REGISTRY, "names a private registry; packages are pinned by version only")


def transactions(source: Source) -> Iterator[str]:
    """One word, one meaning: a transaction is DynamoDB's; money moves by payments, transfers, entries, commits."""
    if source.within("chalicelib/") and not source.within("chalicelib/store/"):
        for number, line in enumerate(source.text.splitlines(), 1):
            if TRANSACTION.search(line) and "DynamoDB" not in line:
                yield f"{source.path}:{number}: a transaction is DynamoDB's; see docs/glossary.md"


LAWS: dict[Law, Source] = {
    vague_names: Source("chalicelib/web/utils.py", ""),
    long_files: Source("infra/local/run.py", "\n" * (LONGEST_FILE + 1)),
    long_functions: Source("emulator/keyset.py", "def f():\n" + "    f()\n" * LONGEST_FUNCTION),
    open_addresses: Source("infra/local/engines.py", 'HOST = "0.0.0.0"\n'),
    machine_paths: Source("docs/engines.md", "It is kept in /" + "root/.cache/engine.\n"),
    transactions: Source("chalicelib/payments/create.py", '"""Makes a transaction."""\n'),
}
each_law = pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)


@each_law
def test_nobody_breaks_it(law: Law) -> None:
    found = [line for source in texts() if source.path != THIS_FILE for line in law(source)]
    assert not found, "\n" + "\n".join(found)


@each_law
def test_it_finds_a_planted_violation(law: Law) -> None:
    assert list(law(LAWS[law]))


def test_functions_are_short() -> None:
    lengths = [length for source in modules("chalicelib", "emulator", "infra") for _, length in _functions(source)]
    assert statistics.median(lengths) <= USUAL_FUNCTION
    assert sum(length > LONG_FUNCTION for length in lengths) <= len(lengths) / 50


def _functions(source: Source) -> Iterator[tuple[str, int]]:
    if not source.path.endswith(".py"):
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def _lines(source: Source, pattern: re.Pattern[str], what: str) -> Iterator[str]:
    for number, line in enumerate(source.text.splitlines(), 1):
        found = pattern.search(line)
        if found:
            yield f"{source.path}:{number}: {found.group()} {what}"
