"""What a Lambda function loads for its ledger: neither boto3 nor anything of its weight."""

import subprocess
import sys

HEAVY = ("boto3", "botocore", "urllib3", "requests", "http.client", "ssl", "email")


def test_the_lean_client_loads_nothing_heavy() -> None:
    program = f"import sys, chalicelib.store.dynamo; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == "[]"
