"""What AWS does and a stand-in may drop or ignore, asked of each; where one differs stands in differences.py.

docs/localstack.md has a row for each test here, and a cell for each difference (tests/docs/test_localstack_page.py).
"""

import ssl
from http.client import HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from tests.integration.localstack.bare_stand_in import REGION, Bare

FORGED = "Bearer eyJhbGciOiJub25lIn0.e30."
ECHO = "def handle(event, context):\n    return event\n"
SAYS_WHAT_IT_SEES = (
    "def handle(event, context):\n"
    "    names = [row['dynamodb']['Keys']['pk']['S'] for row in event['Records']]\n"
    "    print('seen', *names)\n"
    "    if 'bad' in names:\n"
    "        raise ValueError('bad')\n"
)
PRINTS_A_METRIC = (
    "import json, time\n"
    "def handle(event, context):\n"
    "    metrics = [{'Namespace': 'probe', 'Dimensions': [[]], 'Metrics': [{'Name': 'happened'}]}]\n"
    "    about = {'Timestamp': int(time.time() * 1000), 'CloudWatchMetrics': metrics}\n"
    "    print(json.dumps({'_aws': about, 'happened': 1}))\n"
)
NUMBERED = {"dynamodb": {"NewImage": {"q": {"N": [{"exists": True}]}}}}


# --- API Gateway ------------------------------------------------------------------------------------------------


def test_an_authorizer_of_type_jwt_keeps_what_it_trusts(bare: Bare) -> None:
    api = bare.api()
    found = bare.gateway.get_authorizer(restApiId=api, authorizerId=bare.jwt_authorizer(api))
    (issuer,) = found["jwtConfiguration"]["issuers"]
    assert (issuer["issuer"], issuer["audiences"]) == ("https://issuer.example", ["tollgate"])


def test_a_forged_token_is_answered_with_401(bare: Bare) -> None:
    api = bare.api()
    bare.proxy(api, "guarded", authorizationType="CUSTOM", authorizerId=bare.jwt_authorizer(api))
    assert bare.ask(api, "guarded", Authorization=FORGED)[0] == 401


def test_the_scopes_of_a_method_are_kept(bare: Bare) -> None:
    where = bare.mock(bare.api(), "scoped", authorizationScopes=["payments:write"])
    assert bare.gateway.get_method(**where)["authorizationScopes"] == ["payments:write"]


def test_an_integration_without_a_method_stays_without(bare: Bare) -> None:
    where = bare.mock(bare.api(), "mock")
    assert "httpMethod" not in bare.gateway.get_integration(**where)


def test_an_api_answers_over_http(bare: Bare) -> None:
    api = bare.api()
    bare.mock(api, "open")
    bare.serve(api)
    assert bare.ask(api, "open")[0] == 200


def test_the_variables_of_a_mocks_answer_are_filled_in(bare: Bare) -> None:
    api = bare.api()
    bare.mock(api, "refused", templates={"application/json": '{"instance":"$context.requestId"}'})
    bare.serve(api)
    status, body = bare.ask(api, "refused")
    assert (status, "instance" in body, "$context" in body) == (200, True, False)


def test_what_is_wrong_with_a_body_is_said(bare: Bare) -> None:
    api = bare.api()
    checks = bare.gateway.create_request_validator(restApiId=api, name="body", validateRequestBody=True)["id"]
    schema = '{"type":"object","required":["amount"]}'
    bare.gateway.create_model(restApiId=api, name="Paid", contentType="application/json", schema=schema)
    bare.gateway.put_gateway_response(
        restApiId=api,
        responseType="BAD_REQUEST_BODY",
        statusCode="400",
        responseTemplates={"application/json": '{"wrong":"$context.error.validationErrorString"}'},
    )
    bare.mock(api, "checked", "POST", requestValidatorId=checks, requestModels={"application/json": "Paid"})
    bare.serve(api)
    status, body = bare.ask(api, "checked", "POST", "{}", **{"Content-Type": "application/json"})
    assert (status, "amount" in body) == (400, True)


def test_the_throttle_of_a_method_is_enforced(bare: Bare) -> None:
    api = bare.api()
    bare.mock(api, "slow")
    bare.serve(api)
    limits = [f"/~1slow/GET/throttling/{name}" for name in ("rateLimit", "burstLimit")]
    changes = [{"op": "replace", "path": path, "value": "1"} for path in limits]
    bare.gateway.update_stage(restApiId=api, stageName="dev", patchOperations=changes)
    assert 429 in [bare.ask(api, "slow")[0] for _ in range(4)]


def test_the_quota_of_a_plan_is_enforced(bare: Bare) -> None:
    api = bare.api()
    bare.mock(api, "counted", apiKeyRequired=True)
    bare.serve(api)
    plan = bare.gateway.create_usage_plan(
        name=bare.name(), quota={"limit": 1, "period": "DAY"}, apiStages=[{"apiId": api, "stage": "dev"}]
    )
    key = bare.gateway.create_api_key(name=bare.name(), enabled=True)
    bare.gateway.create_usage_plan_key(usagePlanId=plan["id"], keyId=key["id"], keyType="API_KEY")
    asked = [bare.ask(api, "counted", **{"x-api-key": key["value"]})[0] for _ in range(3)]
    assert asked[2] == 429


def test_requests_are_in_the_access_log(bare: Bare) -> None:
    api, log, logs = bare.api(), bare.name(), bare.client("logs")
    logs.create_log_group(logGroupName=log)
    bare.mock(api, "open")
    bare.serve(api)
    arn = f"arn:aws:logs:{REGION}:{bare.account}:log-group:{log}"
    settings = {"destinationArn": arn, "format": "$context.requestId"}
    changes = [
        {"op": "replace", "path": f"/accessLogSettings/{name}", "value": value} for name, value in settings.items()
    ]
    bare.gateway.update_stage(restApiId=api, stageName="dev", patchOperations=changes)
    assert bare.ask(api, "open")[0] == 200
    bare.until(lambda: bool(logs.filter_log_events(logGroupName=log)["events"]))


# --- Lambda -----------------------------------------------------------------------------------------------------


def test_a_function_runs(bare: Bare) -> None:
    assert bare.invoke(bare.function(ECHO), {"a": 1}) == {"a": 1}


def test_a_function_sees_its_own_environment_only(bare: Bare) -> None:
    seen = bare.invoke(bare.function("import os\ndef handle(event, context):\n    return sorted(os.environ)\n"), {})
    assert ("AWS_LAMBDA_FUNCTION_NAME" in seen, "GATEWAY_PORT" in seen) == (True, False)


def test_a_function_runs_on_the_runtime_it_names(bare: Bare) -> None:
    code = "import sys\ndef handle(event, context):\n    return list(sys.version_info[:2])\n"
    asked = [bare.invoke(bare.function(code, runtime=f"python3.{minor}"), {}) for minor in (12, 13)]
    assert asked == [[3, 12], [3, 13]]


def test_a_function_finds_boto3_without_bringing_it(bare: Bare) -> None:
    assert bare.invoke(bare.function("import boto3\n" + ECHO), {"a": 1}) == {"a": 1}


def test_a_function_that_takes_too_long_is_ended(bare: Bare) -> None:
    code = "import time\ndef handle(event, context):\n    time.sleep(1.5)\n    return {}\n"
    assert "errorMessage" in bare.invoke(bare.function(code, timeout=1), {})


def test_a_function_that_takes_too_much_memory_is_ended(bare: Bare) -> None:
    code = "def handle(event, context):\n    return {'taken': len(bytes(200_000_000))}\n"
    assert "errorMessage" in bare.invoke(bare.function(code), {})


def test_an_event_of_more_than_6_megabytes_is_refused(bare: Bare) -> None:
    name = bare.function("def handle(event, context):\n    return len(event)\n")
    with pytest.raises(ClientError, match="RequestTooLarge"):
        bare.invoke(name, "a" * 7_000_000)


def test_a_stream_starts_a_function(bare: Bare) -> None:
    table, name = bare.table(), bare.function(SAYS_WHAT_IT_SEES)
    bare.follow(table, name)
    bare.put(table, "one")
    bare.until(lambda: "seen one" in bare.log(name))


def test_the_filter_of_a_stream_is_applied(bare: Bare) -> None:
    table, name = bare.table(), bare.function(SAYS_WHAT_IT_SEES)
    bare.follow(table, name, only=NUMBERED)
    bare.put(table, "plain")
    bare.put(table, "numbered", q={"N": "1"})
    bare.until(lambda: "numbered" in bare.log(name))
    assert "plain" not in bare.log(name)


def test_a_batch_that_fails_is_cut_in_two(bare: Bare) -> None:
    table, name = bare.table(), bare.function(SAYS_WHAT_IT_SEES)
    for one in ("fine", "good", "bad"):
        bare.put(table, one)
    bare.follow(table, name, BisectBatchOnFunctionError=True, MaximumRetryAttempts=2)
    bare.until(lambda: "seen fine good bad\n" in bare.log(name))
    bare.until(lambda: "seen fine\n" in bare.log(name))


def test_an_event_that_fails_for_good_goes_to_its_destination(bare: Bare) -> None:
    queue = bare.client("sqs").create_queue(QueueName=bare.name())["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:{bare.account}:{queue.rpartition('/')[2]}"
    functions, name = bare.client("lambda"), bare.function("def handle(event, context):\n    raise ValueError('no')\n")
    functions.put_function_event_invoke_config(
        FunctionName=name, MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": arn}}
    )
    functions.invoke(FunctionName=name, InvocationType="Event", Payload=b"{}")
    bare.until(lambda: bool(bare.client("sqs").receive_message(QueueUrl=queue).get("Messages")))


# --- metrics and alarms -----------------------------------------------------------------------------------------


def test_what_a_function_prints_as_metrics_becomes_metrics(bare: Bare) -> None:
    bare.invoke(bare.function(PRINTS_A_METRIC), {})
    bare.until(lambda: bool(bare.client("cloudwatch").list_metrics(Namespace="probe")["Metrics"]))


def test_an_alarm_goes_off(bare: Bare) -> None:
    cloudwatch, name = bare.client("cloudwatch"), bare.name()
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace=name,
        MetricName="wrong",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
    )
    cloudwatch.put_metric_data(Namespace=name, MetricData=[{"MetricName": "wrong", "Value": 5}])

    def state() -> Any:
        return cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"]

    bare.until(lambda: state() == "ALARM")


# --- who may do what --------------------------------------------------------------------------------------------


def test_keys_of_nobody_are_refused(bare: Bare) -> None:
    somebody = bare.client_of("dynamodb", aws_access_key_id="nobody", aws_secret_access_key="nothing")
    with pytest.raises(ClientError, match="UnrecognizedClient"):
        somebody.list_tables()


def test_a_role_may_do_what_its_policies_grant(bare: Bare) -> None:
    lent = bare.client("sts").assume_role(RoleArn=bare.role, RoleSessionName="probe")["Credentials"]
    somebody = bare.client_of(
        "dynamodb",
        aws_access_key_id=lent["AccessKeyId"],
        aws_secret_access_key=lent["SecretAccessKey"],
        aws_session_token=lent["SessionToken"],
    )
    with pytest.raises(ClientError, match="AccessDenied"):
        somebody.list_tables()


def test_it_speaks_https(bare: Bare) -> None:
    address, context = urlsplit(bare.url), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = HTTPSConnection(address.hostname or "", address.port, timeout=5, context=context)
    try:
        connection.request("GET", "/")
        assert connection.getresponse().status
    finally:
        connection.close()


# --- tables and keys --------------------------------------------------------------------------------------------


def test_a_protected_table_cannot_be_deleted(bare: Bare) -> None:
    table = bare.table(DeletionProtectionEnabled=True)
    with pytest.raises(ClientError, match="ValidationException"):
        bare.client("dynamodb").delete_table(TableName=table)


def test_a_table_is_restored_to_a_point_in_time(bare: Bare) -> None:
    table, restored, dynamodb = bare.table(), bare.name(), bare.client("dynamodb")
    bare.put(table, "kept")
    recovery = {"PointInTimeRecoveryEnabled": True}
    dynamodb.update_continuous_backups(TableName=table, PointInTimeRecoverySpecification=recovery)
    dynamodb.restore_table_to_point_in_time(
        SourceTableName=table, TargetTableName=restored, UseLatestRestorableTime=True
    )
    assert dynamodb.scan(TableName=restored)["Count"] == 1


def test_a_message_is_hashed_and_signed(bare: Bare) -> None:
    assert bare.signs_rightly(digest=False)


def test_a_digest_is_signed_as_it_is(bare: Bare) -> None:
    assert bare.signs_rightly(digest=True)


def test_a_key_to_be_deleted_signs_no_more(bare: Bare) -> None:
    kms, key = bare.client("kms"), bare.signing_key()
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    with pytest.raises(ClientError, match="KMSInvalidState"):
        kms.sign(KeyId=key, Message=b"m", SigningAlgorithm="ECDSA_SHA_256")


def test_a_public_key_says_what_it_is(bare: Bare) -> None:
    assert bare.client("kms").get_public_key(KeyId=bare.signing_key())["KeySpec"] == "ECC_NIST_P256"
