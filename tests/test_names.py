"""The rules about names, as laws and as examples."""

import string
import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hopsartifacts import names
from hopsartifacts.errors import InvalidNameError

LETTERS_AND_DIGITS = string.ascii_letters + string.digits
DEVICES = ["con", "PRN", "aux", "Nul", "com1", "LPT9"]
ALL_DEVICES = {"con", "prn", "aux", "nul"} | {
    f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10)
}

model_names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}", fullmatch=True).filter(
    lambda name: name.lower() not in ALL_DEVICES
)
file_parts = (
    st.text(
        st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="/\\#?"),
        min_size=1,
        max_size=60,
    )
    .filter(lambda part: part not in {".", ".."} and part[-1] not in " .")
    .filter(lambda part: len(part.encode()) <= 255)
)
file_paths = st.lists(file_parts, min_size=1, max_size=4).map("/".join)


@given(model_names)
def test_a_model_may_have_any_name_within_the_rule(name: str) -> None:
    assert names.model_name(name) == name


@pytest.mark.parametrize("name", ["a", "9", "a" * 128, "my_model", "my-model", "A__-"])
def test_good_model_names(name: str) -> None:
    assert names.model_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "a" * 129, "_a", "-a", "a b", "a/b", "a.b", "mödel", "a\n", "../a", "..", "²"],
)
def test_bad_model_names(name: str) -> None:
    with pytest.raises(InvalidNameError) as caught:
        names.model_name(name)
    assert repr(name) in str(caught.value)
    assert "1 to 128 letters" in str(caught.value)


@pytest.mark.parametrize("name", [None, 5, b"bytes", ["a"]])
def test_a_name_is_a_text(name: object) -> None:
    for rule in (names.model_name, names.deployment_name, names.tag_name):
        with pytest.raises(InvalidNameError):
            rule(name)


@pytest.mark.parametrize("device", DEVICES)
def test_names_of_devices_are_reserved(device: str) -> None:
    for rule in (names.model_name, names.deployment_name):
        with pytest.raises(InvalidNameError, match=f"'{device}'.*reserved"):
            rule(device)


@given(st.text(st.sampled_from(LETTERS_AND_DIGITS), min_size=1, max_size=45))
def test_a_deployment_may_have_any_name_within_the_rule(name: str) -> None:
    assume(name.lower() not in ALL_DEVICES)
    assert names.deployment_name(name) == name


@pytest.mark.parametrize("name", ["", "a" * 46, "my_model", "a-b", "a.b", "é", "a\n"])
def test_bad_deployment_names(name: str) -> None:
    with pytest.raises(InvalidNameError) as caught:
        names.deployment_name(name)
    assert repr(name) in str(caught.value)
    assert "1 to 45" in str(caught.value)


@pytest.mark.parametrize(
    ("model", "deployment"),
    [("my_model", "mymodel"), ("a-B_9", "aB9"), ("9_", "9"), ("x" * 128, "x" * 45)],
)
def test_a_deployment_is_named_after_its_model(model: str, deployment: str) -> None:
    assert names.default_deployment_name(model) == deployment


@given(model_names)
def test_every_model_has_a_default_deployment_name_or_says_why(name: str) -> None:
    letters = "".join(char for char in name if char in LETTERS_AND_DIGITS)[:45]
    if letters.lower() in ALL_DEVICES:
        with pytest.raises(InvalidNameError, match="reserved"):
            names.default_deployment_name(name)
    else:
        assert names.default_deployment_name(name) == letters


@given(st.text(st.sampled_from(LETTERS_AND_DIGITS), min_size=1, max_size=45))
def test_a_cluster_name_is_a_dns_label(name: str) -> None:
    label = names.kubernetes_name(name)
    assert label[0] in string.ascii_lowercase
    assert set(label) <= set(string.ascii_lowercase + string.digits)
    assert len(label) <= 46


@pytest.mark.parametrize("name", ["a", "a.b", "A-1_x", "t" * 128])
def test_good_tag_names(name: str) -> None:
    assert names.tag_name(name) == name


@pytest.mark.parametrize("name", ["", "a b", "a/b", "t" * 129])
def test_bad_tag_names(name: str) -> None:
    with pytest.raises(InvalidNameError):
        names.tag_name(name)


@given(st.integers(0, 10**12 - 1))
def test_a_version_is_its_canonical_decimal(number: int) -> None:
    assert names.version_number(number) == number
    assert names.version_number(str(number)) == number


@pytest.mark.parametrize(
    "version",
    [
        *["01", "+1", "-1", "1.0", " 1", "1\n", "", "one", "1_0", "\u0661"],
        *[-1, 1.0, None, True, False, 10**12, b"1"],
    ],
    ids=repr,
)
def test_what_is_no_version(version: object) -> None:
    with pytest.raises(InvalidNameError) as caught:
        names.version_number(version)
    assert repr(version) in str(caught.value)


@given(file_paths)
def test_a_file_may_have_any_name_within_the_rule(path: str) -> None:
    assert names.file_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        *["", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "./a", "a\\b", "a#b"],
        *["a?b", "a\nb", "a\x00b", "a\x7f", "a.", "a ", "a./b", "a /b", "\udcff"],
        *["é" * 128, "x" * 256, "a/" + "x" * 256],
    ],
)
def test_bad_file_names(path: str) -> None:
    with pytest.raises(InvalidNameError) as caught:
        names.file_path(path)
    assert repr(path) in str(caught.value)


@given(st.lists(file_paths, max_size=6))
def test_no_two_paths_pass_that_fold_to_one(paths: list[str]) -> None:
    try:
        names.distinct_paths(paths)
    except InvalidNameError:
        return
    assert len({names.folded(path) for path in paths}) == len(set(paths))


@pytest.mark.parametrize(
    "twins",
    [
        ("a", "A"),
        ("data/x", "Data/y"),
        ("data", "DATA/y"),
        ("straße", "STRASSE"),
        (unicodedata.normalize("NFC", "é"), unicodedata.normalize("NFD", "é")),
        (unicodedata.normalize("NFD", "É"), unicodedata.normalize("NFC", "é")),
    ],
)
def test_twins_are_refused_by_name(twins: tuple[str, str]) -> None:
    with pytest.raises(InvalidNameError) as caught:
        names.distinct_paths(twins)
    for path in twins:
        assert repr(path.split("/")[0]) in str(caught.value)


def test_files_of_one_folder_are_no_twins() -> None:
    names.distinct_paths(["data/x", "data/y", "data/deep/x", "x", "x2"])


@given(st.text(max_size=20))
def test_folding_twice_changes_nothing(text: str) -> None:
    once = names.folded(text)
    assert names.folded(once) == once


@given(st.text(max_size=20))
def test_forms_of_a_text_fold_alike(text: str) -> None:
    for form in ("NFC", "NFD"):
        assert names.folded(unicodedata.normalize(form, text)) == names.folded(text)
