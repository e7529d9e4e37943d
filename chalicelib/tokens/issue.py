"""Issuing a token: read the form, authenticate, reduce the scope, sign."""

from typing import Final

import orjson

from chalicelib.tokens import token
from chalicelib.tokens.client import Client, authenticate
from chalicelib.tokens.desk import Desk
from chalicelib.tokens.form import TokenRequest, read_request
from chalicelib.tokens.refusal import TokenRefusal
from chalicelib.tokens.scopes import grant
from chalicelib.tokens.trouble import told_as_busy
from chalicelib.web.call import Bench, Reply
from chalicelib.web.request import Request

_CHALLENGE: Final = 'Basic realm="tollgate", charset="UTF-8"'


def issue(request: Request, bench: Bench) -> Reply:
    """Answer POST /oauth2/token in the words of RFC 6749; what is not the client's fault is a problem (503)."""
    assert isinstance(bench, Desk), "the token endpoint needs its desk"
    try:
        with told_as_busy():
            return _issue(request, bench)
    except TokenRefusal as refusal:
        return _refused(refusal)


def _issue(request: Request, desk: Desk) -> Reply:
    headers = request.headers
    asked = read_request(request.body, headers.get("content-type", ()), headers.get("authorization", ()), request.query)
    client = _authenticated(desk, asked, request.source_ip)
    scope = grant(asked.scope, client.scopes)
    claims = token.claims(desk.terms, client, scope, desk.clock.now_at(), desk.chance.bits(token.JTI_BITS))
    return Reply(200, orjson.dumps(token.answer(desk.signer.sign(claims), desk.terms, scope)))


def _authenticated(desk: Desk, asked: TokenRequest, source: str) -> Client:
    client_id = asked.credentials.client_id
    desk.failures.require_patience(source, client_id)
    try:
        return authenticate(desk.dynamo, desk.pepper, asked.credentials)
    except TokenRefusal:
        desk.failures.add(source, client_id)
        raise


def _refused(refusal: TokenRefusal) -> Reply:
    headers = {}
    if refusal.error == "invalid_client":
        headers["WWW-Authenticate"] = _CHALLENGE
    if refusal.retry_after_seconds is not None:
        headers["Retry-After"] = str(refusal.retry_after_seconds)
    body = {"error": refusal.error, "error_description": refusal.description}
    return Reply(refusal.status, orjson.dumps(body), headers=headers)
