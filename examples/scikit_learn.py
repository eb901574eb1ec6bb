"""Train a scikit-learn model, save it, and ask it over HTTP.

Needs the extras `serving` and `sklearn`.
"""

import tempfile
from pathlib import Path

import joblib
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import hopsartifacts

features, labels = load_wine(return_X_y=True)
x_train, x_test, y_train, y_test = train_test_split(features, labels, random_state=0)
pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(x_train, y_train)
accuracy = pipeline.score(x_test, y_test)

project = hopsartifacts.login("example-project")
registry = project.get_model_registry()
with tempfile.TemporaryDirectory() as folder:
    joblib.dump(pipeline, Path(folder, "model.joblib"))
    model = registry.sklearn.create_model("wine", metrics={"accuracy": accuracy})
    model.save(folder)

# The predictor for scikit-learn models needs no script.
deployment = model.deploy()
deployment.start()
try:
    answer = deployment.predict(inputs=x_test[:5])
    print("predicted:", answer["predictions"])
    print("true:     ", y_test[:5].tolist())
    print("asked at:", deployment.get_state().hopsworks_inference_path)
finally:
    deployment.stop()
