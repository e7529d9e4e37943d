"""A Chalice app's own schedules and queues start its functions here as well; what does not is said, never skipped in silence."""

import os
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from infra.local import engines
from infra.local.place import aws_environment
from tests.doubles.gateway_command import serving
from tests.e2e.local_stack import until

APP = """
import os
from chalice import Chalice, Rate

app = Chalice(app_name="shop")
HERE = os.path.dirname(os.path.abspath(__file__))

def note(text):
    with open(os.path.join(HERE, "seen"), "a") as file:
        file.write(text + "\\n")

@app.route("/")
def index():
    return {}

@app.schedule("rate(1 second)")
def tick(event):
    note("tick " + event.detail_type)

@app.schedule(Rate(1, unit=Rate.DAYS))
def daily(event):
    note("daily")

@app.schedule("cron(0 12 * * ? *)")
def noon(event):
    note("noon")

@app.on_sqs_message(queue="letters", batch_size=5)
def letters(event):
    for record in event:
        note("letter " + record.body)

ORDERS = "arn:aws:dynamodb:us-east-1:123456789012:table/orders/stream/2026"

@app.on_dynamodb_record(stream_arn=ORDERS, starting_position="TRIM_HORIZON")
def changed(event):
    for record in event:
        note("changed " + record.keys["pk"]["S"])

@app.on_sns_message(topic="told")
def told(event):
    note("told")
"""


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A project of its own."""
    (tmp_path / ".chalice").mkdir()
    (tmp_path / ".chalice" / "config.json").write_text('{"version": "2.0", "app_name": "shop", "stages": {"dev": {}}}')
    (tmp_path / "app.py").write_text(APP)
    return tmp_path / "app.py"


@pytest.fixture
def moto(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An endpoint with a queue and a table."""
    engine = engines.start_moto()
    try:
        for name, value in aws_environment(engine.url, engine.url).items():
            monkeypatch.setenv(name, value)
        boto3.client("sqs").create_queue(QueueName="letters")
        boto3.client("dynamodb").create_table(
            TableName="orders",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )
        yield engine.url
    finally:
        engine.stop()


def _seen(app: Path) -> set[str]:
    file = app.with_name("seen")
    return set(file.read_text().splitlines()) if file.exists() else set()


def test_schedules_queues_and_streams_start_functions(app: Path, moto: str, tmp_path: Path) -> None:
    url = boto3.client("sqs").get_queue_url(QueueName="letters")["QueueUrl"]
    boto3.client("sqs").send_message(QueueUrl=url, MessageBody="hello")
    boto3.client("dynamodb").put_item(TableName="orders", Item={"pk": {"S": "o-1"}})
    wanted = {"tick Scheduled Event", "letter hello", "changed o-1"}
    with serving(["--functions", str(app)], tmp_path, dict(os.environ)):
        until(f"all of {wanted}", lambda: wanted <= _seen(app), 30)
    assert _seen(app) == wanted


def test_what_is_not_started_is_said(app: Path, tmp_path: Path) -> None:
    """Nothing is asked of AWS by an app that nobody gave an endpoint."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    with serving(["--functions", str(app)], tmp_path, environment):
        until("a tick", lambda: bool(_seen(app)), 30)
    said = [line for line in (tmp_path / "said").read_text().splitlines() if "own event source" in line]
    assert sorted(line.partition(" is not")[0].removeprefix("emulator: ") for line in said) == [
        "shop-dev-changed",
        "shop-dev-letters",
        "shop-dev-noon",
        "shop-dev-told",
    ]
    assert any("set AWS_ENDPOINT_URL or AWS_ENDPOINT_URL_SQS" in line for line in said)
    assert any("'cron(0 12 * * ? *)' is no rate" in line for line in said)
    assert any("SNSEventConfig" in line for line in said)
