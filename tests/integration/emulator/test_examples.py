"""The emulator without our platform: the examples' page is run, and what cannot be served is said at the start."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.docs.pages import Block, page, shell_blocks
from tests.doubles.gateway_command import serving
from tests.e2e.local_stack import until
from tests.law.source import ROOT

PAGE = "examples/emulator/README.md"
PLAIN = "examples/emulator/plain"
SERVE = ".venv/bin/python -m emulator"


def _chapters() -> list[list[Block]]:
    """Each chapter of the page: the command that serves, and those that ask."""
    chapters: list[list[Block]] = []
    for block in shell_blocks(page(PAGE)):
        if block.code.startswith(SERVE):
            chapters.append([])
        chapters[-1].append(block)
    return chapters


@pytest.mark.parametrize("chapter", _chapters(), ids=lambda chapter: chapter[0].code.split("examples/")[1].split()[0])
def test_the_page_is_true(chapter: list[Block], tmp_path: Path) -> None:
    serve, *asking = chapter
    assert asking
    with serving(shlex.split(serve.code)[3:], tmp_path) as port:
        for block in asking:
            code = block.code.replace(":3000", f":{port}")
            done = subprocess.run(["bash", "-euc", code], capture_output=True, text=True, check=True, timeout=30)
            assert done.stdout.strip() == block.output.strip()


class _Lambda(BaseHTTPRequestHandler):
    """The part of the Lambda API that invokes."""

    def do_POST(self) -> None:
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = self.path.split("/")[3]
        body = json.dumps({"statusCode": 200, "body": f"{name} {event['path']}"}).encode()
        self.send_response(200)
        if event["path"].endswith("/broken"):
            self.send_header("X-Amz-Function-Error", "Unhandled")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _ask(port: int, path: str) -> tuple[str, str]:
    command = ["curl", "-s", "-w", "\n%{http_code}", f"http://127.0.0.1:{port}{path}"]
    body, _, status = subprocess.run(command, capture_output=True, text=True, check=True).stdout.rpartition("\n")
    return status, body


def test_functions_that_run_elsewhere(tmp_path: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Lambda)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    credentials = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "PATH": "/usr/bin:/bin"}
    try:
        with serving(["--api", f"{PLAIN}/api.yaml", "--endpoint", endpoint], tmp_path, credentials) as port:
            assert _ask(port, "/pets/rex") == ("200", "pets /pets/rex")
            assert _ask(port, "/pets/broken") == ("502", '{"message":"Internal server error"}')
            server.shutdown()
            server.server_close()
            assert _ask(port, "/pets/rex")[0] == "502"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "--api is needed"),
        (["--api", f"{PLAIN}/api.yaml"], "there is no function pets; there are none (--lambda pets=module:handler"),
        (["--api", f"{PLAIN}/api.yaml", "--lambda", "pets"], "expected NAME=MODULE:HANDLER"),
        (["--api", f"{PLAIN}/api.yaml", "--lambda", "pets=pets.handle"], "expected NAME=MODULE:HANDLER"),
        (["--api", f"{PLAIN}/api.yaml", "--lambda", "pets=none:handle"], "there is no module none in"),
        (["--api", f"{PLAIN}/api.yaml", "--cert", "x.pem"], "--cert and --key go together"),
        (["--api", "none.yaml", "--lambda", "pets=pets:handle", "--code-root", PLAIN], "none.yaml"),
        (["--functions", f"{PLAIN}/pets.py"], "pets.py"),
        (["--functions", f"{PLAIN}/none.json", "--api", f"{PLAIN}/api.yaml"], "none.json"),
        (["--api", f"{PLAIN}/api.yaml", "--env", "A", "--lambda", "pets=pets:handle"], "expected NAME=VALUE"),
        (
            [
                "--api",
                f"{PLAIN}/api.yaml",
                "--endpoint",
                "http://127.0.0.1:1",
                "--functions",
                f"{PLAIN}/../chalice/app.py",
            ],
            "leave --functions and --lambda out",
        ),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else "",
)
def test_what_cannot_be_served_is_said_and_not_served(arguments: list[str], said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "emulator", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def _copied(tmp_path: Path) -> Path:
    code = tmp_path / "plain"
    shutil.copytree(ROOT / PLAIN, code)
    return code


def test_an_edit_of_the_definition_is_served_and_nobody_is_dropped(tmp_path: Path) -> None:
    code = _copied(tmp_path)
    api = code / "api.yaml"
    before = api.read_text()
    statuses: list[str] = []
    done = threading.Event()

    def keep_asking(port: int) -> None:
        while not done.is_set():
            statuses.append(_ask(port, "/pets/rex")[0])

    arguments = ["--api", str(api), "--lambda", "pets=pets:handle", "--code-root", str(code)]
    with serving(arguments, tmp_path) as port:
        assert _ask(port, "/animals/rex")[0] == "403"
        asking = threading.Thread(target=keep_asking, args=(port,))
        asking.start()
        try:
            api.write_text(_with_animals(before))
            until("the new path is served", lambda: _ask(port, "/animals/rex")[0] == "200")
            api.write_text(before.replace("type: aws_proxy", "type: aws_proxie", 1))
            until("the mistake is said", lambda: "integration type 'aws_proxie' is not served here" in said(tmp_path))
            assert f"{api}:" in said(tmp_path)
            assert _ask(port, "/animals/rex")[0] == "200", "the definition before goes on"
        finally:
            done.set()
            asking.join()
    assert set(statuses) == {"200"}


def _with_animals(text: str) -> str:
    """The definition with its first path under another name as well."""
    first = text[text.index("  /pets/{name}:") : text.index("  /pets:")]
    return text.replace(first, first + first.replace("/pets/", "/animals/"))


def said(folder: Path) -> str:
    return (folder / "said").read_text()


def test_an_edit_of_a_chalice_apps_routes_is_served(tmp_path: Path) -> None:
    app = tmp_path / "app" / "app.py"
    shutil.copytree(ROOT / "examples" / "emulator" / "chalice", app.parent)
    with serving(["--functions", str(app)], tmp_path) as port:
        assert _ask(port, "/carts/7")[0] == "403"
        app.write_text(
            app.read_text() + '\n\n@app.route("/carts/{number}")\ndef cart(number):\n    return {"cart": number}\n'
        )
        until("the new route is served", lambda: _ask(port, "/carts/7") == ("200", '{"cart":"7"}'), 30)
