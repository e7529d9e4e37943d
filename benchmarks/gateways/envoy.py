"""Envoy as a gateway: verified RS256 tokens, a local rate limit, an access log, and nginx behind it."""

from pathlib import Path
from typing import Any, Final

from benchmarks.gateways.token import AUDIENCE

_TYPES: Final = "type.googleapis.com/envoy"
_FILTERS: Final = f"{_TYPES}.extensions.filters.http"
_PLENTY: Final = 1_000_000
_SECONDS: Final = "5s"

Config = dict[str, Any]


def configuration(port: int, behind: int, issuer: str, jwks: str, folder: Path) -> Config:
    """Return Envoy's static configuration for a listener on `port`."""
    listener = {
        "name": "gateway",
        "address": _address(port),
        "filter_chains": [{"filters": [{"name": "http", "typed_config": _http(issuer, jwks, folder)}]}],
    }
    endpoint = {"endpoint": {"address": _address(behind)}}
    cluster = {
        "name": "behind",
        "connect_timeout": _SECONDS,
        "type": "STATIC",
        "load_assignment": {"cluster_name": "behind", "endpoints": [{"lb_endpoints": [endpoint]}]},
    }
    return {"static_resources": {"listeners": [listener], "clusters": [cluster]}}


def _http(issuer: str, jwks: str, folder: Path) -> Config:
    log = {"@type": f"{_TYPES}.extensions.access_loggers.file.v3.FileAccessLog", "path": str(folder / "access.log")}
    host = {"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "behind"}}]}
    return {
        "@type": f"{_TYPES}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "gateway",
        "access_log": [{"name": "file", "typed_config": log}],
        "route_config": {"name": "routes", "virtual_hosts": [host]},
        "http_filters": [
            _filter("jwt", f"{_FILTERS}.jwt_authn.v3.JwtAuthentication", **_verification(issuer, jwks)),
            _filter("limit", f"{_FILTERS}.local_ratelimit.v3.LocalRateLimit", **_limit()),
            _filter("router", f"{_FILTERS}.router.v3.Router"),
        ],
    }


def _filter(name: str, kind: str, **settings: Any) -> Config:
    return {"name": name, "typed_config": {"@type": kind, **settings}}


def _verification(issuer: str, jwks: str) -> Config:
    provider = {"issuer": issuer, "audiences": [AUDIENCE], "local_jwks": {"inline_string": jwks}}
    rule = {"match": {"prefix": "/"}, "requires": {"provider_name": "issuer"}}
    return {"providers": {"issuer": provider}, "rules": [rule]}


def _limit() -> Config:
    always = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    return {
        "stat_prefix": "limit",
        "token_bucket": {"max_tokens": _PLENTY, "tokens_per_fill": _PLENTY, "fill_interval": "1s"},
        "filter_enabled": always,
        "filter_enforced": always,
    }


def _address(port: int) -> Config:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def nginx_configuration(port: int, folder: Path) -> str:
    """Return nginx's configuration: one process that answers everything alike."""
    return f"""
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log crit;
events {{ worker_connections 256; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location / {{ default_type application/json; return 200 '{{"amount": 1, "text": "{"x" * 250}"}}'; }}
  }}
}}
"""
