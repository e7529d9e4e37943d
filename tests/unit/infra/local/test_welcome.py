"""What is printed at the start: it works when pasted, and gives nothing away."""

import subprocess
from pathlib import Path

import pytest

from infra.local.api_client import Credentials
from infra.local.seed import Sandbox
from infra.local.welcome import lines_to_paste

SANDBOX = Sandbox(
    "https://localhost:8443",
    "/somewhere/ca.pem",
    Credentials("cl_1", "tgs_se-cret_2/+=", "key.3"),
    {"external": "acct_e", "payer": "acct_p", "payer2": "acct_q", "merchant": "acct_m"},
)


@pytest.mark.parametrize("folder", ["plain", "with a space and 'quotes' & more"])
def test_each_value_is_read_from_the_file(tmp_path: Path, folder: str) -> None:
    file = tmp_path / folder / "sandbox.json"
    file.parent.mkdir()
    file.write_bytes(SANDBOX.as_json())
    reading, *_ = lines_to_paste(SANDBOX, file)
    asked = "; ".join(f"known {name}" for name in ("client_id", "client_secret", "api_key", "payer", "base_url"))
    done = subprocess.run(
        ["bash", "-euc", f"{reading}\n{asked}"], capture_output=True, text=True, check=True, timeout=30
    )
    known = SANDBOX.credentials
    wanted = [known.client_id, known.client_secret, known.api_key, "acct_p", SANDBOX.base_url]
    assert done.stdout.splitlines() == wanted


def test_no_secret_is_among_the_lines(tmp_path: Path) -> None:
    text = "\n".join(lines_to_paste(SANDBOX, tmp_path / "sandbox.json"))
    assert SANDBOX.credentials.client_secret not in text
    assert SANDBOX.credentials.api_key not in text
