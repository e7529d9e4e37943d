"""Stages being served: found by their URLs, and gone without a trace when they are withdrawn."""

from __future__ import annotations

import asyncio
from pathlib import Path

import orjson
import pytest

from emulator.control.apis.live import label
from emulator.gateway.context import Reply, Request
from emulator.gateway.errors import Refusal
from tests.doubles.control_planes import Apis, patch


@pytest.fixture
def apis(tmp_path: Path) -> Apis:
    return Apis(tmp_path)


@pytest.fixture
def metered(apis: Apis) -> str:
    """An API whose one key may ask once a day."""
    api_id = apis.api()
    apis.add(api_id, "/a", apiKeyRequired=True)
    apis.deploy(api_id)
    apis.do("CreateApiKey", enabled=True, value="v" * 20)
    meter(apis, api_id)
    return api_id


def meter(apis: Apis, api_id: str) -> None:
    (key,) = apis.do("GetApiKeys")["items"]
    stages = [{"apiId": api_id, "stage": "s"}]
    plan = apis.do("CreateUsagePlan", name="p", apiStages=stages, quota={"limit": 1, "period": "DAY"})["id"]
    apis.do("CreateUsagePlanKey", usagePlanId=plan, keyId=key["id"], keyType="API_KEY")


def status(apis: Apis, api_id: str) -> int:
    return apis.ask("GET", f"/_aws/execute-api/{api_id}/s/a", {"x-api-key": "v" * 20}).status


def test_a_quota_goes_on_while_its_stage_is_there(apis: Apis, metered: str) -> None:
    assert status(apis, metered) == 200
    apis.deploy(metered)
    assert status(apis, metered) == 429
    apis.live.save()
    assert status(Apis(apis.folder), metered) == 429


def test_a_stage_that_was_withdrawn_leaves_no_counts(apis: Apis, metered: str) -> None:
    assert status(apis, metered) == 200
    apis.do("DeleteStage", restApiId=metered, stageName="s")
    asyncio.run(apis.live.close())
    assert not list(apis.folder.glob("served-*"))


def test_a_gateway_is_closed_after_its_last_request(apis: Apis, monkeypatch: pytest.MonkeyPatch) -> None:
    api_id = apis.api("/a")
    apis.deploy(api_id)
    gateway = apis.live.gateway((api_id, "s"))
    assert gateway is not None
    at_work, go_on, closed = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow(_: Request) -> Reply:
        at_work.set()
        await go_on.wait()
        assert not closed.is_set()
        return Reply(200, [], b"old")

    async def close() -> None:
        closed.set()

    monkeypatch.setattr(gateway, "handle", slow)
    monkeypatch.setattr(gateway, "close", close)

    def request() -> Request:
        return Request("GET", f"/_aws/execute-api/{api_id}/s/a", b"", [(b"Host", b"localhost")], b"", "127.0.0.1")

    async def meanwhile() -> bytes:
        begun = asyncio.create_task(apis.live.handle(request()))
        await at_work.wait()
        await apis.call("CreateDeployment", restApiId=api_id, stageName="s")
        assert (await apis.live.handle(request())).body == b"/a"
        assert apis.live.lingering == 1
        go_on.set()
        return (await begun).body

    assert asyncio.run(meanwhile()) == b"old"
    assert closed.is_set()
    assert apis.live.lingering == 0


@pytest.mark.parametrize(
    "path",
    ["/", "/a", "/_aws/execute-api", "/_aws/execute-api/API", "/_aws/execute-api/API/", "/_aws/execute-api/API/t/a",
     "/_aws/execute-api/api/s/a", "/_aws/execute-api/API/s%2Fa", "/x/_aws/execute-api/API/s/a"],
)  # fmt: skip
def test_where_nothing_stands_is_forbidden(apis: Apis, path: str) -> None:
    api_id = apis.api("/a")
    apis.deploy(api_id)
    reply = apis.ask("GET", path.replace("API", api_id))
    assert (reply.status, reply.body) == (403, b'{"message":"Forbidden"}')


def test_a_path_is_handed_on_as_it_came(apis: Apis) -> None:
    api_id = apis.api("/", "/a/{b}")
    apis.deploy(api_id)
    url = f"/_aws/execute-api/{api_id}/s"
    for path, body in (("", b"/"), ("/", b"/"), ("/a/x%20y", b"/a/{b}"), ("/a/s", b"/a/{b}")):
        assert apis.ask("GET", url + path).body == body, path


def test_a_front_that_is_renamed_leaves_the_root(tmp_path: Path) -> None:
    apis = Apis(tmp_path, front=("made", "s"))
    api_id = apis.api("/a")
    apis.deploy(api_id)
    assert apis.ask("GET", "/a").status == 200
    apis.do("UpdateRestApi", restApiId=api_id, patchOperations=[patch("/name", "other")])
    apis.deploy(api_id)
    assert apis.ask("GET", "/a").status == 403
    assert apis.ask("GET", f"/_aws/execute-api/{api_id}/s/a").status == 200


def test_what_could_not_be_read_is_answered_all_the_same(tmp_path: Path) -> None:
    apis = Apis(tmp_path, front=("made", "s"))
    request = Request("GET", "/a", b"", [], b"", "127.0.0.1")
    refusal = Refusal("REQUEST_TOO_LARGE")
    bare = apis.live.refuse(request, refusal)
    assert (bare.status, orjson.loads(bare.body)) == (413, {"message": "Request Too Long"})
    api_id = apis.api("/a")
    apis.do("PutGatewayResponse", restApiId=api_id, responseType="REQUEST_TOO_LARGE", statusCode="414")
    apis.deploy(api_id)

    async def refuse() -> int:
        return apis.live.refuse(request, refusal).status

    assert asyncio.run(refuse()) == 414


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("~1v1~1a/GET", "GET /v1/a"),
        ("/v1/a/GET", "GET /v1/a"),
        ("a/ANY", "ANY /a"),
        ("~1/GET", "GET /"),
        ("//GET", "GET /"),
    ],
)
def test_a_method_is_named_in_two_ways(written: str, meant: str) -> None:
    assert label(written) == meant
