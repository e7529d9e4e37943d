"""Where an engine is known not to do what AWS does: by test, by engine, in the words that docs/engines.md prints.

Each is an xfail that fails the run as soon as the engine does better.
"""

from collections.abc import Mapping
from typing import Final

ENGINES: Final = ("dynoxide", "moto", "ministack")

_NEVER: Final = "never: writers queue"
_UNSIGNED: Final = "any signature will do"

DIFFERENCES: Final[Mapping[str, Mapping[str, str]]] = {
    "test_a_transaction_of_no_items_is_refused": {"moto": "accepted; our codec refuses it"},
    "test_a_transaction_of_more_than_4_megabytes_is_refused": {"moto": "accepted"},
    "test_a_token_of_37_characters_is_refused": {"moto": "accepted; our codec refuses it"},
    "test_a_malformed_update_is_refused_and_not_cancelled": {"dynoxide": "cancelled, `ValidationError`"},
    "test_a_value_that_no_expression_uses_is_refused": {"moto": "accepted"},
    "test_a_number_of_39_digits_is_refused": {"moto": "accepted; our codec refuses it"},
    "test_a_request_with_a_wrong_signature_is_refused": dict.fromkeys(ENGINES, _UNSIGNED),
    "test_a_number_comes_back_in_plain_digits": {"moto": "as it was sent; ours are plain"},
    "test_a_transaction_says_what_it_consumed": {"moto": "says nothing"},
    "test_writers_of_one_item_at_once_are_told_of_a_conflict": dict.fromkeys(ENGINES, _NEVER),
    "test_a_put_that_changes_nothing_is_not_in_the_stream": {"dynoxide": "`MODIFY`"},
    "test_an_update_that_changes_nothing_is_not_in_the_stream": {"dynoxide": "`MODIFY`"},
    "test_an_update_outside_a_transaction_that_makes_an_item_is_one_record": {
        "moto": "two: the bare key, then the item"
    },
    "test_an_open_shard_has_no_last_number": {"dynoxide": "it has one, the greatest as text: 9 after 11 records"},
    "test_the_id_of_a_shard_has_28_characters_or_more": {
        "dynoxide": "may be too short for boto3's own check: the table's name is in it"
    },
    "test_arithmetic_is_exact_to_38_digits": {"ministack": "to 28 digits, then `1.0E+37`"},
    "test_a_number_weighs_a_byte_for_two_significant_digits_and_one_more": {
        "ministack": "digits are paired from the decimal point: a byte more for some"
    },
}


def known(test: str, engine: str) -> str | None:
    """Return how the engine differs where this test looks, or None."""
    return DIFFERENCES.get(test, {}).get(engine)
