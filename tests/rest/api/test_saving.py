"""Model versions saved from forms."""

import json
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from hopsartifacts import Project

PATH = "/api/v1/models/my_model/versions"
FILE = ("file", ("model.bin", b"weights"))


def test_a_version_is_saved_from_a_form(
    client: TestClient, project: Project, tmp_path: Path
) -> None:
    """Every field of the form, and each file with its path, is in the version."""
    files = [
        FILE,
        ("file", ("sub/ü b.txt", b"text")),
        ("file", ("sub/empty", b"")),
    ]
    fields = {
        "framework": "SKLEARN",
        "description": "From a form",
        "metrics": '{"accuracy": 0.9, "n": 3}',
        "tags": '{"stage": {"at": null}}',
        "input_example": "[1, 2]",
    }
    made = client.post(PATH, data=fields, files=files)
    assert made.status_code == 201, made.text
    assert made.headers["location"] == f"{PATH}/1"
    assert client.get(f"{PATH}/1").json() == made.json()
    model = project.get_model_registry().get_model("my_model")
    assert (model.framework, model.description) == ("SKLEARN", "From a form")
    assert model.training_metrics == {"accuracy": 0.9, "n": 3}
    assert model.get_tags() == {"stage": {"at": None}}
    assert model.input_example == [1, 2]
    folder = Path(model.download(tmp_path / "out"))
    found = {
        str(it.relative_to(folder)): it.read_bytes()
        for it in folder.rglob("*")
        if it.is_file()
    }
    assert found == {
        "model.bin": b"weights",
        "sub/ü b.txt": b"text",
        "sub/empty": b"",
    }
    again = client.post(PATH, data={"framework": "PYTHON", "version": 1}, files=[FILE])
    assert again.status_code == 409


@pytest.mark.parametrize(
    ("fields", "files", "words"),
    [
        ({}, [FILE], "framework"),
        ({"framework": "CAFFE"}, [FILE], "framework"),
        ({"framework": "PYTHON", "colour": "red"}, [FILE], "colour"),
        ({"framework": "PYTHON", "metrics": "{"}, [FILE], "metrics"),
        ({"framework": "PYTHON", "metrics": '{"a": "b"}'}, [FILE], "metrics"),
        (
            {"framework": "PYTHON", "metrics": '{"a": NaN}'},
            [FILE],
            'metrics["a"] is NaN: only finite numbers can be compared; leave it out',
        ),
        ({"framework": "PYTHON", "tags": "[]"}, [FILE], "tags"),
        ({"framework": "PYTHON", "input_example": "x"}, [FILE], "input_example"),
        ({"framework": "PYTHON", "version": "0"}, [FILE], "0"),
        ({"framework": "PYTHON", "version": "x"}, [FILE], "version"),
        ({"framework": "PYTHON"}, [("file", ("../x", b""))], "../x"),
        ({"framework": "PYTHON"}, [("file", ("/etc/x", b""))], "/etc/x"),
        ({"framework": "PYTHON"}, [("file", ("a\\b", b""))], "a\\\\b"),
        ({"framework": "PYTHON"}, [FILE, FILE], "twice"),
        ({"framework": "PYTHON"}, [FILE, ("file", ("Model.bin", b""))], "Model.bin"),
        (
            {"framework": "PYTHON"},
            [("file", ("a", b"")), ("file", ("a/b", b""))],
            "folder",
        ),
        ({"framework": "PYTHON"}, [("other", ("a", b""))], "'file'"),
        ({"framework": "PYTHON"}, [("other", (None, b"x"))], "other"),
    ],
)
def test_a_form_that_cannot_be_saved_is_refused(
    client: TestClient, project: Project, fields: Any, files: Any, words: str
) -> None:
    answer = client.post(PATH, data=fields, files=files)
    assert answer.status_code == 400, answer.text
    assert words in answer.json()["detail"]
    assert project.get_model_registry().list_models() == []


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{}", "application/json"),
        (b"", "multipart/form-data"),
        (b"--x\r\n", "multipart/form-data; boundary=x"),
        (b"\xff" * 100, "multipart/form-data; boundary=x"),
    ],
)
def test_what_is_no_form_is_refused(client: TestClient, body: bytes, kind: str) -> None:
    answer = client.post(PATH, content=body, headers={"content-type": kind})
    assert answer.status_code == 400, answer.text


def test_what_is_too_long_is_refused(client: TestClient) -> None:
    long = {"framework": "PYTHON", "tags": json.dumps({"a": "x" * (5 << 20)})}
    assert client.post(PATH, data=long, files=[FILE]).status_code == 400
