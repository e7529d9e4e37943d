"""The peer `chalice local`: an echo behind an authorizer in the same process, as its documentation shows one."""

import os

import jwt
from chalice import AuthResponse, Chalice, Response
from chalice.app import AuthRequest

app = Chalice(app_name="echo")
_KEY = os.environ["BENCH_PUBLIC_KEY_TEXT"]
_ISSUER = os.environ["BENCH_ISSUER"]


@app.authorizer()
def verified(request: AuthRequest) -> AuthResponse:
    """Let in who shows a token of the issuer."""
    token = request.token.removeprefix("Bearer ")
    claims = jwt.decode(token, _KEY, algorithms=["RS256"], audience="echo", issuer=_ISSUER)
    return AuthResponse(routes=["/echo"], principal_id=claims["sub"])


@app.route("/echo", methods=["POST"], authorizer=verified)
def echo() -> Response:
    """Answer with the request's own body."""
    request = app.current_request
    assert request is not None
    return Response(request.raw_body, headers={"Content-Type": "application/json"})
