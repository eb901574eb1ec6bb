"""Which answers of S3 say for certain that nothing was stored."""

from typing import Any

import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from hopsartifacts.errors import CommitUncertainError, StorageRefusedError
from hopsartifacts.storage.connect import connect
from hopsartifacts.storage.s3_client import is_refused
from tests.s3.conftest import Server


def answered(status: int, code: str, repeated: int = 0) -> ClientError:
    answer: Any = {
        "Error": {"Code": code, "Message": "no"},
        "ResponseMetadata": {"HTTPStatusCode": status, "RetryAttempts": repeated},
    }
    return ClientError(answer, "PutObject")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (answered(403, "AccessDenied"), True),
        (answered(404, "NoSuchBucket"), True),
        (answered(400, "InvalidArgument"), True),
        (NoCredentialsError(), True),
        # What was sent before may have been done.
        (answered(403, "AccessDenied", repeated=1), False),
        (answered(409, "ConditionalRequestConflict"), False),
        (answered(429, "SlowDown"), False),
        (answered(503, "ServiceUnavailable"), False),
        (TimeoutError(), False),
        (ConnectionError(), False),
    ],
    ids=repr,
)
def test_only_a_first_answer_that_refuses_is_certain(
    error: Exception, expected: bool
) -> None:
    assert is_refused(error) is expected


def test_a_wrong_secret_is_a_refusal(s3: Server) -> None:
    storage = connect(f"s3://{s3.bucket()}/p", s3.options(secret="wrong"))  # noqa: S106 - wrong
    with pytest.raises(StorageRefusedError, match="check key and secret") as said:
        storage.create("a", b"")
    assert not isinstance(said.value, CommitUncertainError)
