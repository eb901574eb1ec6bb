"""KServe's published schemas, made strict: a key that they do not name is refused."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import Draft7Validator

FOLDER_VARIABLE = "KSERVE_CRD_DIR"
_DEFAULT = Path(__file__).parents[3] / "shared/data/kserve"


def schema(minor: str) -> dict[str, Any]:
    """Return the schema of an InferenceService in a minor release, as published.

    Without the file, the test is skipped; with CI set it fails.
    """
    folder = Path(os.environ.get(FOLDER_VARIABLE, _DEFAULT))
    path = folder / f"inferenceservice-v1beta1-v{minor}.0.schema.json"
    if not path.exists():
        words = f"no schema of KServe {minor} in {folder}: set {FOLDER_VARIABLE}"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def validator(minor: str) -> Draft7Validator:
    """Return a validator that refuses what a cluster would refuse or drop."""
    return Draft7Validator(_strict(schema(minor)))


def _strict(given: Any) -> Any:
    if isinstance(given, list):
        return [_strict(it) for it in given]
    if not isinstance(given, dict):
        return given
    kept = {
        name: {key: _strict(it) for key, it in value.items()}
        if name == "properties"
        else _strict(value)
        for name, value in given.items()
        if name not in {"default", "format"} and not name.startswith("x-kubernetes")
    }
    if given.get("x-kubernetes-int-or-string"):
        kept["type"] = ["integer", "string"]
        kept.pop("anyOf", None)
    if given.get("nullable") and isinstance(kept.get("type"), str):
        kept["type"] = [kept["type"], "null"]
    is_open = given.get("x-kubernetes-preserve-unknown-fields")
    if "properties" in given and not is_open:
        kept["additionalProperties"] = False
    return kept
