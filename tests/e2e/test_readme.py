"""The README's example runs as it stands."""

import re
from pathlib import Path

import joblib
import pytest
from sklearn.linear_model import LogisticRegression

README = Path(__file__).parents[2] / "README.md"
PREDICTOR = """
import os
import joblib

class Predictor:
    def __init__(self):
        self.model = joblib.load(os.environ["MODEL_FILES_PATH"] + "/model.joblib")

    def predict(self, inputs):
        return self.model.predict(inputs)
"""


def test_the_example_of_the_readme_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HOPSARTIFACTS_URL", raising=False)
    monkeypatch.setenv("HOPSARTIFACTS_STATE_DIR", str(tmp_path / "state"))
    estimator = LogisticRegression().fit([[10, 10], [20, 20]], [0, 1])
    Path("model_dir").mkdir()
    joblib.dump(estimator, "model_dir/model.joblib")
    Path("predictor.py").write_text(PREDICTOR)
    example = re.search(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert example is not None

    exec(example[1], {})  # noqa: S102 - that is the test

    assert Path("hopsartifacts-project/Models/cancer/1/Files/model.joblib").is_file()
    assert Path("hopsartifacts-project/Models/cancer/1/Artifacts/1").is_dir()
