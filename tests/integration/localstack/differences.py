"""Where a stand-in is known not to do what AWS does: by test, by stand-in, in the words that docs/localstack.md prints.

Each is an xfail that fails the run as soon as the stand-in does better.
"""

from collections.abc import Mapping
from typing import Final

STAND_INS: Final = ("ministack", "moto")

_BOTH = STAND_INS
_NO_API: Final = {"moto": "no API answers"}
_NO_FUNCTION: Final = {"moto": "no function runs without Docker"}

DIFFERENCES: Final[Mapping[str, Mapping[str, str]]] = {
    "test_an_authorizer_of_type_jwt_keeps_what_it_trusts": {
        "ministack": "issuers, audiences and algorithms are dropped",
        "moto": "the type is refused",
    },
    "test_a_forged_token_is_answered_with_401": {"ministack": "500, as to every token"} | _NO_API,
    "test_an_integration_without_a_method_stays_without": {"ministack": "`POST` is put in"},
    "test_an_api_answers_over_http": _NO_API,
    "test_the_variables_of_a_mocks_answer_are_filled_in": {"ministack": "`$context.requestId` is sent as it stands"}
    | _NO_API,
    "test_what_is_wrong_with_a_body_is_said": {
        "ministack": "`$context.error.validationErrorString` is sent as it stands"
    }
    | _NO_API,
    "test_the_throttle_of_a_method_is_enforced": _NO_API,
    "test_the_quota_of_a_plan_is_enforced": _NO_API,
    "test_requests_are_in_the_access_log": {"ministack": "kept as a setting, nothing is written"} | _NO_API,
    "test_a_function_runs": _NO_FUNCTION,
    "test_a_function_sees_its_own_environment_only": {"ministack": "and MiniStack's own, all of it"} | _NO_FUNCTION,
    "test_a_function_runs_on_the_runtime_it_names": {"ministack": "on MiniStack's own Python"} | _NO_FUNCTION,
    "test_a_function_finds_boto3_without_bringing_it": _NO_FUNCTION,
    "test_a_function_that_takes_too_long_is_ended": _NO_FUNCTION,
    "test_a_function_that_takes_too_much_memory_is_ended": {"ministack": "it may take all there is"} | _NO_FUNCTION,
    "test_an_event_of_more_than_6_megabytes_is_refused": {"ministack": "accepted"} | _NO_FUNCTION,
    "test_a_stream_starts_a_function": _NO_FUNCTION,
    "test_the_filter_of_a_stream_is_applied": _NO_FUNCTION,
    "test_a_batch_that_fails_is_cut_in_two": {"ministack": "kept as a setting, tried again whole"} | _NO_FUNCTION,
    "test_what_a_function_prints_as_metrics_becomes_metrics": {"ministack": "it stays a line of the log"}
    | _NO_FUNCTION,
    "test_an_event_that_fails_for_good_goes_to_its_destination": _NO_FUNCTION,
    "test_an_alarm_goes_off": {"moto": "it stays as it was made"},
    "test_keys_of_nobody_are_refused": dict.fromkeys(_BOTH, "any keys will do"),
    "test_a_role_may_do_what_its_policies_grant": dict.fromkeys(_BOTH, "it may do everything"),
    "test_a_digest_is_signed_as_it_is": {"moto": "hashed once more"},
    "test_a_key_to_be_deleted_signs_no_more": {"moto": "it signs"},
    "test_a_public_key_says_what_it_is": {"moto": "without `KeySpec`"},
    "test_it_speaks_https": dict.fromkeys(_BOTH, "plain HTTP only"),
}


def known(test: str, stand_in: str) -> str | None:
    """Return how the stand-in differs where this test looks, or None."""
    return DIFFERENCES.get(test, {}).get(stand_in)
