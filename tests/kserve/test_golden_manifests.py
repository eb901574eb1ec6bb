"""Manifests as they were reviewed; a change of one is a change for users."""

import pytest
import yaml

from hopsartifacts.serving.kserve.readback import read_manifest
from tests.kserve.crds import validator
from tests.kserve.expectations import expected
from tests.kserve.golden_cases import CASES, FOLDER, text_of


@pytest.mark.parametrize("name", CASES)
def test_a_manifest_is_as_it_was_reviewed(name: str) -> None:
    assert text_of(name) == (FOLDER / f"{name}.yaml").read_text()


def test_no_file_is_of_no_case() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == {*CASES}


@pytest.mark.parametrize("name", CASES)
def test_its_file_reads_back_and_is_valid(name: str) -> None:
    version, settings = CASES[name]
    *_, service = yaml.safe_load_all((FOLDER / f"{name}.yaml").read_text())
    assert read_manifest(service) == expected(version, settings)
    assert [*validator(settings.kserve).iter_errors(service)] == []
