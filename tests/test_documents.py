"""A damaged document is told by our error, whatever is wrong with its bytes."""

import gzip
from typing import Any

import pytest

from hopsartifacts import Model, Project, layout
from hopsartifacts.documents import decode, with_check, without_check
from hopsartifacts.errors import FormatError, IntegrityError


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b'{"a": "\xe8"}', b"5", b'{"a":' * 100_000 + b"1" + b"}" * 100_000],
    ids=["empty", "cut", "not UTF-8", "another type", "too deep"],
)
def test_bytes_that_are_no_document_are_refused(data: bytes) -> None:
    with pytest.raises(FormatError, match="somewhere is not a readable"):
        decode(data, dict[str, Any], "somewhere")


def test_a_log_entry_that_is_not_utf8_any_more_is_told(
    project: Project, model: Model
) -> None:
    model.set_tag("a", 1)
    path = layout.log_entry(layout.model_log(model.name), 3)
    text = gzip.decompress(project.storage.read(path))
    project.storage.delete_tree(path)
    edited = with_check(without_check(text).replace(b"writer", b"wri\xe8er", 1))
    project.storage.write(path, [gzip.compress(edited)])

    with pytest.raises(IntegrityError, match="not a readable"):
        project.get_model_registry().get_models(model.name)
