"""The README's examples run as they stand, in an empty folder."""

import re
from pathlib import Path

import pytest

import hopsartifacts

README = Path(__file__).parents[2] / "README.md"
QUICKSTART, PREDICTOR = re.findall(
    r"```python\n(.*?)```", README.read_text(), re.DOTALL
)


def test_the_examples_of_the_readme_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HOPSARTIFACTS_URL", raising=False)
    monkeypatch.setenv("HOPSARTIFACTS_STATE_DIR", str(tmp_path / "state"))

    for _ in range(2):  # it can be run again
        exec(QUICKSTART, {})  # noqa: S102 - that is the test

    output = capsys.readouterr().out
    assert output.count("{'predictions': [0]}") == 2
    assert "Deployment 'iris' exists: saved as its version 2" in output
    for version in (1, 2):
        files = Path(f"hopsartifacts-project/Models/iris/{version}/Files")
        assert (files / "model.joblib").is_file()

    Path("predictor.py").write_text(PREDICTOR)
    model = hopsartifacts.login().get_model_registry().get_model("iris")
    deployment = model.deploy("scripted", script_file="predictor.py")
    deployment.start()
    try:
        answer = deployment.predict(inputs=[[5.1, 3.5, 1.4, 0.2]])
    finally:
        deployment.stop()
    assert answer == {"predictions": [0]}


def test_the_quickstart_is_short() -> None:
    assert len(QUICKSTART.splitlines()) <= 15
