"""One command: ready from nothing, data kept over every kind of end, and no process left behind."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
from collections.abc import Callable

import psutil
import pytest

from tests.e2e.conftest import NewStack
from tests.e2e.local_stack import LocalStack, alive

End = Callable[[LocalStack], None]


def _on_signal(number: signal.Signals) -> End:
    def end(stack: LocalStack) -> None:
        assert stack.signal(number) == 0, stack.log
        assert stack.log.rstrip().endswith("stopped")

    return end


def _without(part: str) -> End:
    def end(stack: LocalStack) -> None:
        assert stack.process is not None
        stack.child(part).kill()
        assert stack.process.wait(10) == 1
        assert "ended by itself" in stack.log.splitlines()[-1]

    return end


def _supervisor_killed(stack: LocalStack) -> None:
    assert stack.process is not None
    stack.process.kill()


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(_on_signal(signal.SIGTERM), id="SIGTERM"),
        pytest.param(_on_signal(signal.SIGINT), id="Ctrl-C"),
        pytest.param(_on_signal(signal.SIGHUP), id="the terminal is closed"),
        pytest.param(_without("dynoxide"), id="the engine crashes"),
        pytest.param(_without("moto_server"), id="moto crashes"),
        pytest.param(_without("emulator"), id="the emulator crashes"),
        pytest.param(_supervisor_killed, id="the supervisor is killed"),
    ],
)
def test_whatever_ends_it_nothing_is_left(new_stack: NewStack, end: End) -> None:
    stack = new_stack("dynoxide").start()
    assert len(stack.family) >= 4, "supervisor, engine, moto and emulator at least"
    end(stack)
    stack.wait_gone()


def test_a_second_run_finds_the_data_of_the_first(new_stack: NewStack) -> None:
    stack = new_stack("dynoxide").start()
    first, certificate = stack.sandbox, (stack.local / "ca.pem").read_bytes()
    api = stack.api()
    payment = api.post("/v1/payments", _payment(first.accounts, 1_250)).json["id"]
    balance = api.available(first.accounts["payer"])
    api.close()
    for end in (stack.kill_all, lambda: stack.signal(signal.SIGTERM)):
        end()
        stack.start()
        assert stack.sandbox == first
        assert (stack.local / "ca.pem").read_bytes() == certificate
        again = stack.api()
        assert again.get(f"/v1/payments/{payment}").status == 200
        assert again.available(first.accounts["payer"]) == balance == 10_000_000 - 1_250
        again.close()


def test_what_it_writes_is_for_its_owner_only(stack: LocalStack) -> None:
    for file in (
        stack.local / "sandbox.json",
        stack.data / "sandbox.json",
        stack.data / "aws.json",
        stack.local / "ca.key",
    ):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    here, kept = (json.loads((folder / "sandbox.json").read_text()) for folder in (stack.local, stack.data))
    assert here == kept
    assert set(here) == {"base_url", "ca", "client_id", "client_secret", "api_key", "accounts"}
    assert set(here["accounts"]) == {"external", "payer", "payer2", "merchant"}


def test_the_lines_work_when_pasted(stack: LocalStack) -> None:
    lines = re.findall(r"^(?:known\(\)|TOKEN=|curl ).*$", stack.log, re.MULTILINE)
    assert len(lines) == 4
    done = subprocess.run(
        ["bash", "-euc", "\n".join([*lines[:3], "echo", lines[3]])],
        capture_output=True,
        check=False,
        timeout=30,
        env={"PATH": os.environ["PATH"]},
    )
    payment, account = done.stdout.decode().splitlines()
    assert json.loads(payment)["status"] == "captured", done
    assert json.loads(account)["id"] == stack.sandbox.accounts["payer"]


def test_no_secret_is_printed(stack: LocalStack) -> None:
    known = stack.sandbox.credentials
    assert known.client_secret not in stack.log
    assert known.api_key not in stack.log


def test_both_names_of_this_machine_are_in_the_certificate(stack: LocalStack) -> None:
    api = stack.sandbox.api()
    for host in ("localhost", "127.0.0.1"):
        api.base_url = f"https://{host}:{stack.port}"
        assert api.send("GET", "/v1/health", None, {}).status == 200
        api.close()


def test_everything_listens_on_the_loopback_only(stack: LocalStack) -> None:
    opened = [
        connection.laddr.ip
        for member in alive(stack.members())
        for connection in member.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert opened
    assert set(opened) <= {"127.0.0.1", "::1"}


def test_two_stacks_at_once(stack: LocalStack, new_stack: NewStack) -> None:
    other = new_stack("dynoxide").start()
    assert other.sandbox.accounts["payer"] != stack.sandbox.accounts["payer"]
    for one in (stack, other):
        api = one.api()
        assert api.get(f"/v1/accounts/{one.sandbox.accounts['payer']}").status == 200
        api.close()


def test_with_moto_it_says_that_data_is_not_kept(new_stack: NewStack) -> None:
    stack = new_stack("moto").start()
    assert re.search(r"data engine: moto, data is NOT kept", stack.log)
    first = stack.sandbox
    stack.signal(signal.SIGTERM)
    stack.start()
    assert stack.sandbox.credentials != first.credentials, "the old client is forgotten, a new one is made"
    api = stack.api()
    assert api.available(stack.sandbox.accounts["payer"]) == 10_000_000
    api.close()


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"PORT": "eighty"}, "PORT must be a number from 1 to 65535, not 'eighty'"),
        ({"PORT": "70000"}, "PORT must be a number from 1 to 65535, not '70000'"),
        ({"ENGINE": "postgres"}, "ENGINE is auto, dynoxide, moto, ministack or a url, not 'postgres'"),
    ],
)
def test_a_wrong_setting_is_one_clear_line(new_stack: NewStack, setting: dict[str, str], said: str) -> None:
    stack = new_stack()
    stack.begin(setting)
    assert stack.process is not None
    assert stack.process.wait(30) == 1
    assert stack.log == f"tollgate: {said}\n"


def test_a_port_in_use_is_one_clear_line(new_stack: NewStack) -> None:
    stack = new_stack()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        stack.port = taken.getsockname()[1]
        stack.begin()
        assert stack.process is not None
        assert stack.process.wait(30) == 1
    assert stack.log == f"tollgate: port {stack.port} is in use: stop what listens there, or choose PORT=...\n"


def test_two_stacks_on_one_data_folder_are_refused(stack: LocalStack, new_stack: NewStack) -> None:
    second = new_stack()
    second.begin({"DATA": str(stack.data)})
    assert second.process is not None
    assert second.process.wait(30) == 1
    assert second.log.count("\n") == 1
    assert "is in use by another stack" in second.log


def _payment(accounts: dict[str, str], amount: int) -> dict[str, object]:
    return {"amount": amount, "currency": "USD", "payer": accounts["payer"], "payee": accounts["merchant"]}
