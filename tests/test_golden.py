"""Every format ever released is read; golden/make.py made these projects."""

import json
import shutil
from pathlib import Path

import pytest

import hopsartifacts
from hopsartifacts.errors import FormatError, ModelNotFoundError

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", ["format-1"])
def test_a_project_of_an_earlier_format_is_read_and_written(
    name: str, tmp_path: Path
) -> None:
    """Everything that an earlier release has stored works with this one."""
    shutil.copytree(GOLDEN / name, tmp_path / "project")
    project = hopsartifacts.login(tmp_path / "project")
    registry, serving = project.get_model_registry(), project.get_model_serving()

    # Git keeps no modes; everything else has to be as sealed.
    assert {finding.kind for finding in project.verify().findings} == {"unprotected"}
    assert project.repair().ok
    assert project.verify().ok

    first, third = registry.get_models("golden")
    assert (first.version, third.version) == (1, 3)
    assert registry.get_model("golden", 1).id == first.id
    assert first.training_metrics == {"auc": 0.5, "runs": 3}
    assert first.input_example == [[1, 2.5, "x"]]
    assert first.model_schema["input_schema"]["columnar_schema"][0]["name"] == "age"
    assert first.get_tag("stage") == {"name": "test"}
    assert first.description == "the first"
    assert third.get_tags() == {"stage": "prod"}
    assert third.description == "the third"
    assert registry.get_model("golden", alias="champion").version == 3
    told = [
        (it.version, it.why) for it in registry.get_alias_history("golden", "champion")
    ]
    assert told == [(3, "a better one"), (1, "the first")]
    downloaded = Path(first.download(tmp_path / "files"))
    assert (downloaded / "weights.bin").read_bytes() == bytes(range(256))
    assert (downloaded / "sub" / "empty").read_bytes() == b""

    one, two = serving.get_deployments()
    assert (one.name, one.version, one.artifact_version) == ("one", 2, 2)
    assert (one.script_file, one.config_file) == ("predict.py", "settings.yaml")
    assert two.resources.limits.cores == -1
    artifacts = serving.get_artifacts(first)
    assert list(artifacts.list()) == [0, 1, 2]
    assert artifacts.read(2)["big.bin"] == b"0123456789abcdef" * 17_000

    assert registry.python.create_model("golden").save(downloaded).version == 4
    assert third.deploy("gone").version == 2

    # What an earlier release sealed is deleted like anything else.
    for deployment in serving.get_deployments():
        deployment.delete()
    first.delete()
    with pytest.raises(ModelNotFoundError, match="it was deleted"):
        registry.get_model("golden", 1)
    assert [model.version for model in registry.get_models("golden")] == [3, 4]
    assert project.verify().ok
    assert project.gc(grace_s=0).size_bytes == 0


@pytest.mark.parametrize("number", [1, 2])
def test_a_project_of_a_pre_release_is_refused(number: int, tmp_path: Path) -> None:
    marker = tmp_path / "project" / ".hopsartifacts" / "format.json"
    marker.parent.mkdir(parents=True)
    text = json.dumps({"format": number, "created": "2026-08-01T08:00:00.000000Z"})
    marker.write_text(text)
    with pytest.raises(FormatError) as caught:
        hopsartifacts.login(tmp_path / "project")
    url = (tmp_path / "project").as_uri()
    assert str(caught.value) == (
        f"{url} was made by a pre-release of hopsartifacts, which this release does "
        "not read: save its models again in a new project"
    )
    # Nothing was added to it, nor changed.
    assert [it for it in tmp_path.rglob("*") if it.is_file()] == [marker]
    assert marker.read_text() == text
