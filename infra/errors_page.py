"""Writes docs/errors.md from the catalogue of problems: `python -m infra.errors_page`."""

from pathlib import Path

from chalicelib.kernel.problems import CATALOGUE, TYPE_ROOT, Kind

PAGE = Path(__file__).parent.parent / "docs" / "errors.md"

_HEAD = f"""# Errors

Every refusal is `application/problem+json` (RFC 9457): `type`, `title`, `status`, `detail`, `instance` (the id of the
request), `code`, and where they apply `param`, `errors[]`, `index` (of a batch), `decline_code` and `Retry-After`. The
`type` is `{TYPE_ROOT}` and the code. This page is generated from `chalicelib/kernel/problems.py`.

"Remembered" answers are commits: the same key is answered with the same bytes for ever. After any other refusal the
same key may be tried again.

| status | code | what happened | what to do | remembered |
|---|---|---|---|---|
"""


def render() -> str:
    """Return the page."""
    rows = sorted(CATALOGUE.values(), key=lambda kind: (kind.status, kind.code))
    return _HEAD + "".join(_row(kind) for kind in rows)


def _row(kind: Kind) -> str:
    remembered = "yes" if kind.declines else "no"
    return f"| {kind.status} | `{kind.code}` | {kind.title} | {kind.remedy} | {remembered} |\n"


if __name__ == "__main__":
    PAGE.write_text(render())
