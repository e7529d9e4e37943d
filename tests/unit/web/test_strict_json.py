"""Hostile and sloppy JSON is refused with a 400, quickly and by name."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.kernel.problems import Problem
from chalicelib.web.strict_json import MAXIMUM_BYTES, MAXIMUM_DEPTH, read_object


def _nested(depth: int) -> bytes:
    """An object with arrays in it, `depth` levels in all."""
    return b'{"a":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


def _many(names: int) -> bytes:
    return b"{" + b",".join(b'"%d":0' % number for number in range(names)) + b"}"


REFUSED = {
    "a name twice": b'{"a":1,"a":1}',
    "a name twice, spelled differently": b'{"a":1,"\\u0061":2}',
    "a name twice, deeper": b'{"a":{"b":1,"b":2}}',
    "a name twice, in an array": b'{"a":[{"b":1,"b":2}]}',
    "NaN": b'{"a":NaN}',
    "Infinity": b'{"a":Infinity}',
    "-Infinity": b'{"a":-Infinity}',
    "1e400": b'{"a":1e400}',
    "-1e400": b'{"a":-1e400}',
    "4,301 digits": b'{"a":' + b"1" * 4301 + b"}",
    "depth 100,000, arrays": _nested(100_000),
    "depth 30,000, objects": b'{"a":' * 30_000 + b"1" + b"}" * 30_000,
    "never closed": b"[" * 100_000,
    "33 levels": _nested(MAXIMUM_DEPTH + 1),
    "a lone surrogate": b'{"a":"\\ud800"}',
    "a lone surrogate in a name": b'{"\\udfff":1}',
    "surrogates swapped": b'{"a":"\\udc00\\ud800"}',
    "a surrogate in UTF-8": b'{"a":"\xed\xa0\x80"}',
    "an array": b"[]",
    "an array of objects": b"[{}]",
    "a string": b'"a"',
    "a number": b"1",
    "null": b"null",
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "UTF-32": '{"a":1}'.encode("utf-32-le"),
    "Latin-1": b'{"a":"\xe9"}',
    "overlong UTF-8": b'{"a":"\xc0\xaf"}',
    "single quotes": b"{'a':1}",
    "a trailing comma": b'{"a":1,}',
    "two values": b"{}{}",
    "text behind": b"{} x",
    "a comment": b"{/**/}",
    "a control character": b'{"a":"\x00"}',
    "a leading zero": b'{"a":01}',
    "a plus": b'{"a":+1}',
    "a point without digits": b'{"a":1.}',
    "hexadecimal": b'{"a":0x1}',
    "blank": b"   ",
    "NUL": b"\x00",
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
def test_refused(body: bytes) -> None:
    with pytest.raises(Problem) as caught:
        read_object(body)
    assert caught.value.kind.code == "invalid_json"
    assert len(caught.value.detail) < 200, "a hostile body is not sent back"


@pytest.mark.parametrize("body", [_many(1_000_000), b'{"a":"' + b"x" * MAXIMUM_BYTES + b'"}'])
def test_too_large(body: bytes) -> None:
    with pytest.raises(Problem) as caught:
        read_object(body)
    assert caught.value.kind.status == 413


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"", {}),
        (b"{}", {}),
        (b' {"a" : 1}\n', {"a": 1}),
        (b'{"a":-0}', {"a": 0}),
        (b'{"a":"\\ud83d\\ude00"}', {"a": "\N{GRINNING FACE}"}),
        (b'{"a":18446744073709551616}', {"a": 2**64}),
        (b'{"a":1e2}', {"a": 100.0}),
        (b'{"a":{"x":1},"b":{"x":1}}', {"a": {"x": 1}, "b": {"x": 1}}),
        (_many(20_000), {str(number): 0 for number in range(20_000)}),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_read(body: bytes, value: object) -> None:
    assert read_object(body) == value


def test_thirty_two_levels_are_allowed() -> None:
    assert read_object(_nested(MAXIMUM_DEPTH))


@given(st.binary(max_size=60) | st.text(alphabet='{}[]",:0123456789.eE+-\\unltrfas \t', max_size=60).map(str.encode))
def test_nothing_but_a_problem_escapes(body: bytes) -> None:
    try:
        assert isinstance(read_object(body), dict)
    except Problem as problem:
        assert problem.kind.status == 400


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(max_size=5), values, max_size=4))
def test_what_is_well_formed_comes_through_unchanged(value: dict[str, object]) -> None:
    assert read_object(orjson.dumps(value)) == value
