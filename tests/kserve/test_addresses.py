"""Addresses of sealed versions: one text, there and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hopsartifacts.errors import InvalidInputError
from hopsartifacts.serving.kserve.addresses import SealedAddress
from tests.kserve.specifications import SPECIFICATION

URLS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1).map(
    "file:///{}".format
)


@given(URLS, st.integers(1, 10**12 - 1))
def test_an_address_is_read_as_it_was_written(url: str, version: int) -> None:
    address = SealedAddress(
        project_url=url,
        deployment="Iris2",
        version=version,
        specification=SPECIFICATION,
    )
    assert SealedAddress.parse(address.uri) == address
    assert " " not in address.uri


def test_an_address_has_no_password() -> None:
    address = SealedAddress(
        project_url="sftp://anna:s3cret@files.example/iris",
        deployment="iris",
        version=1,
        specification=SPECIFICATION,
    )
    assert address.project_url == "sftp://anna@files.example/iris"
    assert "s3cret" not in address.uri


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s3://bucket/iris",
        "hops://iris/1",
        f"hops://iris/1?specification={SPECIFICATION}",
        f"hops://iris/1?project=s3%3A%2F%2Fb&specification={SPECIFICATION}&x=1",
        f"hops://iris/0?project=s3%3A%2F%2Fb&specification={SPECIFICATION}",
        f"hops://iris/01?project=s3%3A%2F%2Fb&specification={SPECIFICATION}",
        f"hops://my-iris/1?project=s3%3A%2F%2Fb&specification={SPECIFICATION}",
        "hops://iris/1?project=s3%3A%2F%2Fb&specification=sha256:12",
        "hops://[iris/1?project=s3%3A%2F%2Fb&specification=sha256:12",
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(InvalidInputError):
        SealedAddress.parse(text)
