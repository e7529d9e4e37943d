"""Replies as the gateway expects them, and problems as documents."""

import orjson
import pytest

from chalicelib.kernel.problems import CATALOGUE, Kind, Problem
from chalicelib.web.call import Reply
from chalicelib.web.reply import problem_reply, to_gateway


@pytest.mark.parametrize("kind", CATALOGUE.values(), ids=CATALOGUE)
def test_a_problem_document(kind: Kind) -> None:
    reply = problem_reply(Problem(kind, "What happened.", param="amount", errors=({"param": "amount"},)), "r1")
    assert (reply.status, reply.content_type) == (kind.status, "application/problem+json")
    document = orjson.loads(reply.body)
    declined = {"decline_code": kind.code} if kind.declines else {}
    assert document == {
        "type": f"https://tollgate.dev/problems/{kind.code}",
        "title": kind.title,
        "status": kind.status,
        "detail": "What happened.",
        "instance": "r1",
        "code": kind.code,
        "param": "amount",
        "errors": [{"param": "amount"}],
        **declined,
    }
    retry = {} if kind.status != 503 else {"Retry-After": "1"}
    assert reply.headers == retry


def test_what_does_not_apply_is_left_out() -> None:
    document = orjson.loads(problem_reply(Problem(CATALOGUE["not_found"], "Gone."), "r1").body)
    assert not {"param", "errors", "decline_code"} & document.keys()


def test_the_proxy_answer() -> None:
    answer = to_gateway(Reply(201, b'{"a":1}', headers={"ETag": '"1"'}))
    assert answer == {
        "statusCode": 201,
        "headers": {"Content-Type": "application/json", "Cache-Control": "no-store", "ETag": '"1"'},
        "body": '{"a":1}',
        "isBase64Encoded": False,
    }
