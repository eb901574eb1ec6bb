"""A number that JSON does not have is named with its place."""

import msgspec
import pytest

from hopsartifacts.json_flaws import flaw


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"metrics": {"auc": NaN}}', "metrics.auc is NaN, and JSON has no"),
        ('{"instances": [[1, 2], [3, Infinity]]}', "instances[1][1] is infinite"),
        ('{"a": [], "b": {}, "c": [{"d e": -Infinity}]}', "c[0]['d e'] is infinite"),
        ('{"a": {"b": {"c": 1}}, "d": NaN}', "d is NaN"),
        ("[1e999]", "[0] is infinite"),
        ("NaN", "the value is NaN"),
        (b'\xef\xbb\xbf{"a": NaN}', "a is NaN"),
        ('{"a": 1', "truncated"),
        ("{'a': NaN}", "malformed"),
        (b'{"a": "\xff"}', "can't decode byte"),
        ("[" * 100_000, "recursion"),
    ],
)
def test_the_flaw_is_named(text: str | bytes, words: str) -> None:
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError, RecursionError)) as it:
        msgspec.json.decode(text)
    assert words in flaw(text, it.value)


def test_a_large_text_is_searched() -> None:
    text = '{"instances": [' + "[1.5, 2.5], " * 200_000 + "[NaN, 1]]}"
    with pytest.raises(msgspec.DecodeError) as caught:
        msgspec.json.decode(text)
    assert flaw(text, caught.value).startswith("instances[200000][0] is NaN")
