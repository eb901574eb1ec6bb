"""Deployment scripts of the shapes that the vendor's public tutorials have.

The words are ours; what the methods take, change and return is theirs. Each runs as it
is, from the library and from the server.
"""

from pathlib import Path
from typing import Any, NamedTuple

import joblib
from sklearn.linear_model import LogisticRegression

from hopsartifacts import Model, Project

SCRIPTS = Path(__file__).with_name("scripts")


class Tutorial(NamedTuple):
    """A deployment's scripts, a request, and the answer."""

    name: str
    asked: dict[str, Any]
    answer: dict[str, Any]

    @property
    def predictor(self) -> Path:
        return SCRIPTS / f"{self.name}_predictor.py"

    @property
    def transformer(self) -> Path | None:
        path = SCRIPTS / f"{self.name}_transformer.py"
        return path if path.exists() else None


TUTORIALS = [
    Tutorial("wine", {"instances": [[0, 0], [3, 3]]}, {"predictions": [0, 1]}),
    Tutorial(
        "sentiment",
        {"instances": ["A good wine", "never again"]},
        {"predictions": [{"label": "pos"}, {"label": "neg"}]},
    ),
    Tutorial("cards", {"instances": ["4-2", "4-1"]}, {"predictions": [1, 0]}),
    Tutorial(
        "ranking",
        {"instances": [{"customer_id": "x", "bought": ["c"]}]},
        {"ranking": [[1.0, "b"], [0.0, "a"]]},
    ),
    Tutorial(
        "query",
        {"instances": {"customer_id": "x"}},
        {"predictions": {"ranking": [[0.9, "a"]]}},
    ),
    Tutorial(
        "tokens",
        {"instances": ["a b c d", "a b"]},
        {"predictions": ["long", "short"]},
    ),
]


def save_model(project: Project, folder: Path, name: str = "fitted") -> Model:
    """Save the model that the scripts read: 1 for points beyond the middle."""
    folder.mkdir()
    points = [[0, 0], [1, 1], [2, 2], [3, 3]]
    fitted = LogisticRegression(C=1000).fit(points, [0, 0, 1, 1])
    joblib.dump(fitted, folder / "model.pkl")
    return project.get_model_registry().sklearn.create_model(name).save(folder)
