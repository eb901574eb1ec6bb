"""A damaged document is told by our error, whatever is wrong with its bytes."""

from typing import Any

import pytest

from hopsartifacts import Model, Project
from hopsartifacts.documents import decode
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
    path = f"Models/{model.name}/_log/000000000002.json"
    data = project.storage.read(path)
    project.storage.delete_tree(path)
    project.storage.write(path, [data.replace(b"xxh3-128", b"xx\xe83-128", 1)])

    with pytest.raises(IntegrityError, match="not a readable"):
        project.get_model_registry().get_models(model.name)
