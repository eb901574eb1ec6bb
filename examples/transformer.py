"""Put a transformer before and after a predictor.

Clients send measurements by name, in millimetres, and get names of species. The script
is scripts/iris_transformer.py; the predictor needs none.

Needs the extras `serving` and `sklearn`.
"""

import tempfile
from pathlib import Path

import joblib
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier

import hopsartifacts

SCRIPTS = Path(__file__).parent / "scripts"
FLOWERS = [
    {"sepal": [51, 35], "petal": [14, 2]},
    {"sepal": [67, 30], "petal": [52, 23]},
]

estimator = RandomForestClassifier(20, random_state=0)
estimator.fit(*load_iris(return_X_y=True))

project = hopsartifacts.login("example-project")
with tempfile.TemporaryDirectory() as folder:
    joblib.dump(estimator, Path(folder, "model.joblib"))
    model = project.get_model_registry().sklearn.create_model("species")
    model.save(folder)

serving = project.get_model_serving()
transformer = serving.create_transformer(SCRIPTS / "iris_transformer.py")
deployment = model.deploy(transformer=transformer)
deployment.start()
try:
    print(deployment.predict(data={"instances": FLOWERS}))
finally:
    deployment.stop()
