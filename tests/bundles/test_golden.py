"""Every bundle format ever released is imported; golden/make_bundle.py made these."""

from pathlib import Path

import pytest

from hopsartifacts import Project

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.mark.parametrize("number", [1])
def test_a_bundle_of_an_earlier_format_is_imported(
    number: int, target: Project, tmp_path: Path
) -> None:
    """Bundles that users have stored stay readable, with all that was in them."""
    report = target.import_bundle(GOLDEN / f"bundle-{number}.tar", strict_numbers=True)

    assert [(model.name, model.version) for model in report.models] == [
        ("golden", 1),
        ("golden", 3),
    ]
    registry, serving = target.get_model_registry(), target.get_model_serving()
    first, third = registry.get_models("golden")
    assert first.training_metrics == {"auc": 0.5, "runs": 3}
    assert first.input_example == [[1, 2.5, "x"]]
    assert first.model_schema["input_schema"]["columnar_schema"][0]["name"] == "age"
    assert first.get_tag("stage") == {"name": "test"}
    assert first.description == "the first"
    assert third.framework == "SKLEARN"
    downloaded = Path(first.download(tmp_path / "files"))
    assert (downloaded / "weights.bin").read_bytes() == bytes(range(256))
    assert (downloaded / "sub" / "empty").read_bytes() == b""

    one, other, two = serving.get_deployments()
    assert (one.name, one.artifact_version) == ("one", 1)
    assert (other.script_file, other.config_file) == ("predict.py", "settings.yaml")
    assert other.artifact_version == 2
    assert other.transformer is not None
    assert two.resources.limits.cores == -1
    read = serving.get_artifacts(first).read(2)
    assert read["transformer-transform.py"] == b"class Transformer:\n    pass\n"
    assert target.verify().ok
