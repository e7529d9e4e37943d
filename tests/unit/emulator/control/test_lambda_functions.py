"""Functions and their versions: what they are told as, what is refused, what is kept."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.control_planes import refused
from tests.doubles.lambda_planes import ARN, ROLE, Lambdas, package, settings

BAD = "InvalidParameterValueException"
GONE = "ResourceNotFoundException"


@pytest.fixture
def lambdas(tmp_path: Path) -> Lambdas:
    return Lambdas(tmp_path)


def code_of(lambdas: Lambdas, name: str = "f") -> str:
    """What the code of a function answers."""
    pool = lambdas.functions.pool(name)
    assert pool is not None
    return (Path(pool.config.code_root) / "entry.py").read_text().split("'")[1]


# --- functions -------------------------------------------------------------------------------------------------------


def test_a_function_has_what_lambda_adds(lambdas: Lambdas) -> None:
    made = lambdas.function(Tags={"team": "a"}, Environment={"Variables": {"NAME": "value"}})
    moment = datetime.fromtimestamp(lambdas.time.wall_at / 1_000, UTC)
    assert made == {
        "FunctionName": "f",
        "FunctionArn": f"{ARN}f",
        "Runtime": "python3.11",
        "Role": ROLE,
        "Handler": "entry.handle",
        "CodeSize": len(package()),
        "CodeSha256": base64.b64encode(hashlib.sha256(package()).digest()).decode(),
        "Description": "",
        "Timeout": 3,
        "MemorySize": 128,
        "LastModified": moment.strftime("%Y-%m-%dT%H:%M:%S.000+0000"),
        "Version": "$LATEST",
        "Environment": {"Variables": {"NAME": "value"}},
        "TracingConfig": {"Mode": "PassThrough"},
        "RevisionId": made["RevisionId"],
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "PackageType": "Zip",
        "Architectures": ["x86_64"],
        "EphemeralStorage": {"Size": 512},
    }
    assert lambdas.do("GetFunctionConfiguration", FunctionName="f") == made
    found = lambdas.do("GetFunction", FunctionName="f")
    assert (found["Configuration"], found["Tags"]) == (made, {"team": "a"})
    assert Path(found["Code"]["Location"].removeprefix("file://"), "entry.py").exists()
    with refused("ResourceConflictException", "already exist", 409):
        lambdas.function()


def test_a_function_runs_with_its_settings_and_those_of_the_machine(tmp_path: Path) -> None:
    lambdas = Lambdas(tmp_path, environment={"AWS_ENDPOINT_URL_LAMBDA": "here", "NAME": "machine"})
    lambdas.function(Timeout=7, MemorySize=256, Environment={"Variables": {"NAME": "own"}})
    pool = lambdas.functions.pool("f")
    assert pool is not None
    assert (pool.config.timeout_seconds, pool.config.memory_mb, pool.config.arn) == (7, 256, f"{ARN}f")
    assert pool.config.environment == {"AWS_ENDPOINT_URL_LAMBDA": "here", "NAME": "own"}


NOT_RUN: list[tuple[str, dict[str, Any]]] = [
    ("Layers", {"Layers": ["arn:aws:lambda:us-east-1:123456789012:layer:l:1"]}),
    ("ImageConfig", {"ImageConfig": {"Command": ["a"]}}),
    ("PackageType", {"PackageType": "Image"}),
    ("FileSystemConfigs", {"FileSystemConfigs": [{"Arn": "a", "LocalMountPath": "/mnt/a"}]}),
    ("CodeSigningConfigArn", {"CodeSigningConfigArn": "arn"}),
    ("VpcConfig", {"VpcConfig": {"SubnetIds": ["s"], "SecurityGroupIds": ["g"]}}),
    ("KMSKeyArn", {"KMSKeyArn": "arn"}),
    ("SnapStart", {"SnapStart": {"ApplyOn": "PublishedVersions"}}),
    ("TenancyConfig", {"TenancyConfig": {"TenantIsolationMode": "PER_TENANT"}}),
    ("DurableConfig", {"DurableConfig": {"ExecutionTimeout": 5}}),
    ("only Python", {"Runtime": "nodejs22.x"}),
    ("module.function", {"Handler": "handle"}),
    ("module.function", {"Handler": "entry."}),
    ("Timeout", {"Timeout": 901}),
    ("Timeout", {"Timeout": 0}),
    ("MemorySize", {"MemorySize": 127}),
    ("Dead letters", {"DeadLetterConfig": {"TargetArn": "arn:aws:sqs:us-east-1:123456789012:a.fifo"}}),
    ("reserved keys", {"Environment": {"Variables": {"AWS_REGION": "eu-west-1"}}}),
    ("no name", {"Environment": {"Variables": {"1A": "x"}}}),
    ("no name", {"Environment": {"Variables": {"A=B": "x"}}}),
    ("no text", {"Environment": {"Variables": {"AB": "x\0"}}}),
    ("4096 bytes", {"Environment": {"Variables": {"AB": "x" * 4_095}}}),
    ("ZipFile", {"Code": {"S3Bucket": "b", "S3Key": "k"}}),
    ("ZipFile", {"Code": {"ImageUri": "i"}}),
    ("unzip", {"Code": {"ZipFile": b"no zip"}}),
    ("neither the name", {"FunctionName": "a b"}),
    ("neither the name", {"FunctionName": "n" * 65}),
    ("Aliases and versions", {"FunctionName": "f:1"}),
]


@pytest.mark.parametrize(("words", "more"), NOT_RUN)
def test_what_would_not_be_run_as_it_says_is_refused(lambdas: Lambdas, words: str, more: dict[str, Any]) -> None:
    with refused(BAD, words):
        lambdas.do("CreateFunction", **{**settings(), **more})
    assert lambdas.do("ListFunctions") == {"Functions": []}
    assert lambdas.functions.pools == {}


def test_what_asks_for_nothing_is_taken(lambdas: Lambdas) -> None:
    empty: dict[str, Any] = {
        "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []},
        "Layers": [],
        "SnapStart": {"ApplyOn": "None"},
    }
    lambdas.function(PackageType="Zip", DeadLetterConfig={"TargetArn": ""}, **empty)
    lambdas.do("UpdateFunctionConfiguration", FunctionName="f", VpcConfig={}, Layers=[])


def test_settings_change_and_the_others_stay(lambdas: Lambdas) -> None:
    before = lambdas.function(Description="a", Environment={"Variables": {"AB": "1", "CD": "2"}})
    after = lambdas.do(
        "UpdateFunctionConfiguration", FunctionName="f", Environment={"Variables": {"AB": "3"}}, Description=""
    )
    assert (after["Environment"], after["Description"]) == ({"Variables": {"AB": "3"}}, "")
    assert after["RevisionId"] != before["RevisionId"]
    assert after["CodeSha256"] == before["CodeSha256"]
    kept = {"TracingConfig": {"Mode": "Active"}, "EphemeralStorage": {"Size": 1_024}}
    assert lambdas.do("UpdateFunctionConfiguration", FunctionName="f", **kept).items() >= kept.items()
    with refused(BAD, "Timeout"):
        lambdas.do("UpdateFunctionConfiguration", FunctionName="f", Timeout=1_000, Description="half")
    assert lambdas.do("GetFunctionConfiguration", FunctionName="f")["Description"] == ""


def test_a_change_of_what_has_changed_is_refused(lambdas: Lambdas) -> None:
    stale = lambdas.function()["RevisionId"]
    fresh = lambdas.do("UpdateFunctionConfiguration", FunctionName="f", Timeout=4, RevisionId=stale)["RevisionId"]
    for operation, more in (
        ("UpdateFunctionConfiguration", {"Timeout": 5}),
        ("UpdateFunctionCode", {"ZipFile": package("other")}),
        ("PublishVersion", {}),
    ):
        with refused("PreconditionFailedException", status=412):
            lambdas.do(operation, FunctionName="f", RevisionId=stale, **more)
    assert lambdas.do("PublishVersion", FunctionName="f", RevisionId=fresh)["Version"] == "1"


def test_new_code(lambdas: Lambdas) -> None:
    lambdas.function(word="one")
    tried = lambdas.do("UpdateFunctionCode", FunctionName="f", ZipFile=package("two"), DryRun=True)
    assert code_of(lambdas) == "one"
    made = lambdas.do("UpdateFunctionCode", FunctionName="f", ZipFile=package("two"), Architectures=["arm64"])
    assert (made["CodeSha256"], made["Architectures"]) == (tried["CodeSha256"], ["arm64"])
    assert code_of(lambdas) == "two"
    assert len(lambdas.code()) == 1
    for words, more in (("ZipFile", {"S3Bucket": "b", "S3Key": "k"}), ("unzip", {"ZipFile": b"x"})):
        with refused(BAD, words):
            lambdas.do("UpdateFunctionCode", FunctionName="f", **more)
    assert code_of(lambdas) == "two"


@pytest.mark.parametrize(
    "operation", ["GetFunction", "GetFunctionConfiguration", "DeleteFunction", "ListVersionsByFunction"]
)
def test_there_is_no_such_function(lambdas: Lambdas, operation: str) -> None:
    with refused(GONE, f"{ARN}nothing", 404):
        lambdas.do(operation, FunctionName="nothing")


# --- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("named", "version"),
    [
        ("f", "$LATEST"),
        ("f:1", "1"),
        ("function:f", "$LATEST"),
        ("123456789012:function:f", "$LATEST"),
        ("123456789012:function:f:live", "1"),
        (f"{ARN}f", "$LATEST"),
        (f"{ARN}f:$LATEST", "$LATEST"),
        (f"{ARN}f:live", "1"),
    ],
)
def test_a_function_is_named_in_many_ways(lambdas: Lambdas, named: str, version: str) -> None:
    lambdas.function(Publish=True)
    lambdas.do("CreateAlias", FunctionName="f", Name="live", FunctionVersion="1")
    found = lambdas.do("GetFunctionConfiguration", FunctionName=named)
    assert found["Version"] == version
    qualifier = named.partition("f:")[2]
    assert found["FunctionArn"] == (f"{ARN}f:{qualifier}" if qualifier else f"{ARN}f")
    if qualifier:
        assert lambdas.do("GetFunction", FunctionName="f", Qualifier=qualifier)["Configuration"] == found


def test_a_name_that_leads_elsewhere(lambdas: Lambdas) -> None:
    lambdas.function()
    for named in (ARN.replace("us-east-1", "eu-west-1") + "f", ARN.replace("1234", "4321") + "f"):
        with refused(GONE, "here are those of", 404):
            lambdas.do("GetFunction", FunctionName=named)
    with refused(BAD, "derived qualifier"):
        lambdas.do("GetFunction", FunctionName="f:1", Qualifier="2")
    with refused(GONE, f"{ARN}f:2", 404):
        lambdas.do("GetFunction", FunctionName="f", Qualifier="2")
    for operation in ("UpdateFunctionConfiguration", "PublishVersion", "ListVersionsByFunction", "ListAliases"):
        with refused(BAD, "Aliases and versions"):
            lambdas.do(operation, FunctionName="f:1")


# --- versions --------------------------------------------------------------------------------------------------------


def test_a_version_is_a_picture_of_latest(lambdas: Lambdas) -> None:
    lambdas.function(word="one")
    first = lambdas.do("PublishVersion", FunctionName="f", Description="the first")
    assert (first["Version"], first["FunctionArn"], first["Description"]) == ("1", f"{ARN}f:1", "the first")
    lambdas.do("UpdateFunctionCode", FunctionName="f", ZipFile=package("two"))
    lambdas.do("UpdateFunctionConfiguration", FunctionName="f", Timeout=9)
    assert lambdas.do("GetFunctionConfiguration", FunctionName="f:1") == first
    assert (code_of(lambdas, "f:1"), code_of(lambdas)) == ("one", "two")
    assert lambdas.publish() == "2"
    rows = lambdas.do("ListVersionsByFunction", FunctionName="f")["Versions"]
    assert [(row["Version"], row["FunctionArn"], row["Timeout"]) for row in rows] == [
        ("$LATEST", f"{ARN}f:$LATEST", 9), ("1", f"{ARN}f:1", 3), ("2", f"{ARN}f:2", 9),
    ]  # fmt: skip


def test_what_has_not_changed_is_published_once(lambdas: Lambdas) -> None:
    lambdas.function()
    first = lambdas.do("PublishVersion", FunctionName="f", Description="a")
    assert lambdas.do("PublishVersion", FunctionName="f", Description="b") == first
    lambdas.do("UpdateFunctionConfiguration", FunctionName="f", TracingConfig={"Mode": "Active"})
    assert lambdas.publish() == "2"
    lambdas.do("UpdateFunctionConfiguration", FunctionName="f", TracingConfig={"Mode": "PassThrough"})
    assert lambdas.publish() == "3"
    assert lambdas.do("UpdateFunctionCode", FunctionName="f", ZipFile=package(), Publish=True)["Version"] == "3"
    assert lambdas.do("UpdateFunctionCode", FunctionName="f", ZipFile=package("b"), Publish=True)["Version"] == "4"


def test_a_number_is_never_used_again(lambdas: Lambdas) -> None:
    lambdas.function(Publish=True)
    lambdas.do("DeleteFunction", FunctionName="f", Qualifier="1")
    assert lambdas.publish() == "2"


def test_the_wrong_code_is_not_published(lambdas: Lambdas) -> None:
    lambdas.function()
    with refused(BAD, "different from current CodeSHA256"):
        lambdas.do("PublishVersion", FunctionName="f", CodeSha256="x")
    with refused(BAD, "PublishTo"):
        lambdas.do("PublishVersion", FunctionName="f", PublishTo="LATEST_PUBLISHED")


def test_a_version_that_an_alias_names_stays(lambdas: Lambdas) -> None:
    lambdas.function(Publish=True)
    lambdas.publish("two")
    routing = {"AdditionalVersionWeights": {"2": 0.5}}
    lambdas.do("CreateAlias", FunctionName="f", Name="live", FunctionVersion="1", RoutingConfig=routing)
    for version in ("1", "2"):
        with refused("ResourceConflictException", "alias live", 409):
            lambdas.do("DeleteFunction", FunctionName="f", Qualifier=version)
    with refused(BAD, "LATEST"):
        lambdas.do("DeleteFunction", FunctionName="f", Qualifier="$LATEST")
    for qualifier in ("3", "live"):
        with refused(GONE, status=404):
            lambdas.do("DeleteFunction", FunctionName="f", Qualifier=qualifier)
    lambdas.do("DeleteAlias", FunctionName="f", Name="live")
    lambdas.do("DeleteFunction", FunctionName="f", Qualifier="1")
    assert sorted(lambdas.functions.pools) == ["f", "f:2"]
    assert len(lambdas.code()) == 1


def test_nothing_is_left_of_a_function(lambdas: Lambdas) -> None:
    lambdas.function(Publish=True)
    lambdas.do("CreateAlias", FunctionName="f", Name="live", FunctionVersion="1")
    lambdas.do("PutFunctionEventInvokeConfig", FunctionName="f:live", MaximumRetryAttempts=0)
    lambdas.do("PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=5)
    lambdas.do("DeleteFunction", FunctionName="f")
    running = lambdas.functions
    assert (running.pools, running.aliases, running.asynchronous, lambdas.code()) == ({}, {}, {}, set())
    assert lambdas.do("GetAccountSettings")["AccountLimit"]["UnreservedConcurrentExecutions"] == 1_000
    lambdas.function()
    with refused(GONE, status=404):
        lambdas.do("GetFunction", FunctionName="f:1")


def test_lists_have_pages(lambdas: Lambdas) -> None:
    for number in range(3):
        lambdas.function(f"f{number}", Publish=True)
    first = lambdas.do("ListFunctions", MaxItems=2)
    second = lambdas.do("ListFunctions", MaxItems=2, Marker=first["NextMarker"])
    assert [row["FunctionName"] for page in (first, second) for row in page["Functions"]] == ["f0", "f1", "f2"]
    assert "NextMarker" not in second
    every = lambdas.do("ListFunctions", FunctionVersion="ALL")["Functions"]
    assert [row["Version"] for row in every] == ["$LATEST", "1"] * 3
    for marker in ("-1", "x", "²"):
        with refused(BAD, "Marker"):
            lambdas.do("ListFunctions", Marker=marker)
    with refused(BAD, "MasterRegion"):
        lambdas.do("ListFunctions", MasterRegion="ALL")


# --- what is kept ----------------------------------------------------------------------------------------------------


def test_after_a_restart_the_same_runs(lambdas: Lambdas) -> None:
    lambdas.function(word="one", Publish=True, Tags={"a": "b"})
    lambdas.publish("two")
    lambdas.do("CreateAlias", FunctionName="f", Name="live", FunctionVersion="1")
    lambdas.do("PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=5)
    lambdas.do("PutFunctionEventInvokeConfig", FunctionName="f:live", MaximumRetryAttempts=0)
    (lambdas.roster.code.folder / "half.new").mkdir()
    again = Lambdas(lambdas.folder)
    assert again.roster.records == lambdas.roster.records
    assert (code_of(again, "f:live"), code_of(again)) == ("one", "two")
    assert again.functions.asynchronous == lambdas.functions.asynchronous
    assert len(again.code()) == 2
    assert again.publish() == "2"


def test_what_could_not_be_written_has_not_happened(lambdas: Lambdas, monkeypatch: pytest.MonkeyPatch) -> None:
    lambdas.function(word="one")

    def full(*_: Any) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(type(lambdas.roster.kept), "write", full)
        for operation, more in (
            ("UpdateFunctionCode", {"ZipFile": package("two")}),
            ("DeleteFunction", {}),
            ("CreateAlias", {"Name": "live", "FunctionVersion": "$LATEST"}),
        ):
            with pytest.raises(OSError, match="full"):
                lambdas.do(operation, FunctionName="f", **more)
    assert code_of(lambdas) == "one"
    assert lambdas.do("ListAliases", FunctionName="f") == {"Aliases": []}
    lambdas.do("UpdateFunctionConfiguration", FunctionName="f", Timeout=4)
    assert len(lambdas.code()) == 1, "the code that was not taken is gone with the next change"
