"""The lean client's signatures, equal to botocore's, and where it finds endpoint, Region and credentials."""

from datetime import datetime
from typing import Any

import pytest
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.store.wire import Address, Credentials, Signer, credentials_source, endpoint_from, region_from

ME = Credentials("AKIDUNIT", "not-a-secret")

_printable = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60)
_instants = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1))  # noqa: DTZ001  (hypothesis wants them naive)
_services = st.sampled_from(
    [
        ("dynamodb", "DynamoDB_20120810", "1.0"),
        ("kms", "TrentService", "1.1"),
        ("secretsmanager", "secretsmanager", "1.1"),
    ]
)
_hosts = st.sampled_from(
    [
        "http://127.0.0.1:8000",
        "https://dynamodb.us-east-1.amazonaws.com",
        "http://localhost",
        "https://h:443",
        "http://[::1]:9",
    ]
)


def _botocore_authorization(
    service: str, region: str, url: str, headers: dict[str, str], body: bytes, at: datetime, who: Credentials
) -> str:
    request = AWSRequest(method="POST", url=f"{url}/", headers=headers, data=body)
    request.context["timestamp"] = at.strftime("%Y%m%dT%H%M%SZ")
    signer = auth.SigV4Auth(BotocoreCredentials(who.access_key, who.secret_key, who.token), service, region)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(auth, "get_current_datetime", lambda *_args, **_kwargs: at)
        signer.add_auth(request)
    assert request.headers["X-Amz-Date"] == at.strftime("%Y%m%dT%H%M%SZ")
    authorization: str = request.headers["Authorization"]
    return authorization


@given(
    service=_services,
    region=st.sampled_from(["us-east-1", "eu-central-1", "cn-north-1"]),
    url=_hosts,
    operation=st.sampled_from(["TransactWriteItems", "GetItem", "Sign"]),
    body=st.binary(max_size=300),
    at=_instants,
    who=st.builds(Credentials, _printable, _printable, st.none() | _printable),
)
def test_signatures_are_botocores_byte_for_byte(
    service: tuple[str, str, str], region: str, url: str, operation: str, body: bytes, at: datetime, who: Credentials
) -> None:
    name, prefix, version = service
    content_type, target = f"application/x-amz-json-{version}", f"{prefix}.{operation}"
    signer = Signer(name, region, Address.of(url).host, content_type)
    amz_date = at.strftime("%Y%m%dT%H%M%SZ")
    expected = _botocore_authorization(
        name, region, url, {"Content-Type": content_type, "X-Amz-Target": target}, body, at, who
    )
    assert signer.authorization(target, body, amz_date, who) == expected
    assert signer.authorization(target, body, amz_date, who) == expected  # with the kept key


def test_the_kept_key_follows_the_day_and_the_secret() -> None:
    signer = Signer("dynamodb", "us-east-1", "h", "t")
    fresh = [Signer("dynamodb", "us-east-1", "h", "t") for _ in range(4)]
    calls = [("20260101T235959Z", ME), ("20260102T000000Z", ME), ("20260102T000000Z", Credentials("A", "B"))]
    calls.append(calls[0])
    assert [signer.authorization("x", b"", at, who) for at, who in calls] == [
        other.authorization("x", b"", at, who) for other, (at, who) in zip(fresh, calls, strict=True)
    ]


# Where the client finds its place in the world.


@pytest.mark.parametrize(
    ("service", "region", "environ", "endpoint"),
    [
        ("dynamodb", "us-east-1", {}, "https://dynamodb.us-east-1.amazonaws.com"),
        ("kms", "cn-north-1", {}, "https://kms.cn-north-1.amazonaws.com.cn"),
        ("kms", "us-east-1", {"AWS_ENDPOINT_URL": "http://m:1"}, "http://m:1"),
        (
            "dynamodb",
            "us-east-1",
            {"AWS_ENDPOINT_URL": "http://m:1", "AWS_ENDPOINT_URL_DYNAMODB": "http://d:2"},
            "http://d:2",
        ),
        ("secretsmanager", "us-east-1", {"AWS_ENDPOINT_URL_SECRETS_MANAGER": "http://s:3"}, "http://s:3"),
        ("dynamodb", "us-east-1", {"AWS_ENDPOINT_URL": ""}, "https://dynamodb.us-east-1.amazonaws.com"),
    ],
)
def test_the_endpoint_comes_from_the_environment(
    service: str, region: str, environ: dict[str, str], endpoint: str
) -> None:
    assert endpoint_from(service, region, environ) == endpoint


@pytest.mark.parametrize("endpoint", ["ftp://h", "127.0.0.1:8000", "http://", "http://h/path"])
def test_an_endpoint_is_checked(endpoint: str) -> None:
    with pytest.raises(ValueError, match="not an endpoint"):
        Address.of(endpoint)


def test_the_region_comes_from_the_environment() -> None:
    assert region_from({"AWS_REGION": "a", "AWS_DEFAULT_REGION": "b"}) == "a"
    assert region_from({"AWS_DEFAULT_REGION": "b"}) == "b"
    with pytest.raises(LookupError):
        region_from({})


def test_credentials_come_from_the_environment() -> None:
    environ = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t"}
    assert credentials_source(environ)() == Credentials("a", "s", "t")
    del environ["AWS_SESSION_TOKEN"]
    assert credentials_source(environ)() == Credentials("a", "s")


def test_credentials_fall_back_to_botocores_chain(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    (tmp_path / "credentials").write_text("[default]\naws_access_key_id=k\naws_secret_access_key=s\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    assert credentials_source({})() == Credentials("k", "s")
