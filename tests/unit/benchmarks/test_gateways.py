"""The parts of the gateway's comparison that only compute."""

import json
import re
from pathlib import Path

import jwt
import pytest

from benchmarks.gateways import envoy, installed
from benchmarks.gateways.compared import TARGETS, Side, Turn
from benchmarks.gateways.installed import NotHad
from benchmarks.gateways.sides import KINDS
from benchmarks.gateways.token import AUDIENCE, SCOPE, issuing
from infra.local.children import Children


def _side(*rates: float) -> Side:
    side = Side(KINDS[0], 1, Children())
    side.turns += [Turn(rate, 1.0, 2.0, 3.0, 0) for rate in rates]
    return side


def test_the_middle_turn_counts() -> None:
    assert _side(1.0, 900.0, 10.0).median("rate") == 10.0


def test_targets_name_gateways_that_are_measured() -> None:
    assert {name for ours, peer, _ in TARGETS for name in (ours, peer)} == {kind.name for kind in KINDS}


def test_envoy_verifies_limits_and_logs(tmp_path: Path) -> None:
    text = json.dumps(envoy.configuration(1, 2, "https://issuer", '{"keys": []}', tmp_path))
    for part in ("https://issuer", AUDIENCE, "local_ratelimit", "access.log", '"port_value": 2'):
        assert part in text
    assert set(re.findall(r'"address": "([^"]+)"', text)) == {"127.0.0.1"}


def test_nginx_listens_on_the_loopback_interface_alone(tmp_path: Path) -> None:
    assert re.findall(r"^ *listen (.*);$", envoy.nginx_configuration(9, tmp_path), re.MULTILINE) == ["127.0.0.1:9"]


def test_what_could_not_be_installed_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "HOME", tmp_path)

    def fails(folder: Path) -> None:
        folder.mkdir()
        raise NotHad("no network")

    with pytest.raises(NotHad, match="no network"):
        installed._once("peer", b"1.0", fails)
    assert list(tmp_path.iterdir()) == []
    made = installed._once("peer", b"1.0", lambda folder: folder.mkdir())
    assert installed._once("peer", b"1.0", fails) == made, "it is there already"
    assert made != installed._once("peer", b"1.1", lambda folder: folder.mkdir()), "other pins, another folder"


def test_a_program_that_fails_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotHad, match=r"no such file|cannot access"):
        installed._run(["ls", "no such file"], tmp_path)


def test_the_token_is_good_for_who_reads_the_issuer(tmp_path: Path) -> None:
    with issuing(tmp_path) as issuer:
        rules = {"algorithms": ["RS256"], "audience": AUDIENCE, "issuer": issuer.url}
        claims = jwt.decode(issuer.token(), issuer.public_pem, **rules)  # type: ignore[arg-type]
        assert claims["scope"] == SCOPE
        assert issuer.token(1) != issuer.token(2)
