"""Describe versions with metrics, a schema and an input example; deploy the best one.

Needs the extras `serving` and `sklearn`, and pandas.
"""

import tempfile
from pathlib import Path

import joblib
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_absolute_error
from sklearn.model_selection import train_test_split

import hopsartifacts
from hopsartifacts import ModelSchema, Schema

features, target = load_diabetes(return_X_y=True, as_frame=True)
x_train, x_test, y_train, y_test = train_test_split(features, target, random_state=0)
schema = ModelSchema(input_schema=Schema(x_train), output_schema=Schema(y_train))

project = hopsartifacts.login("example-project")
registry = project.get_model_registry()
for alpha in (0.01, 0.1, 100.0):
    estimator = Ridge(alpha).fit(x_train, y_train)
    error = mean_absolute_error(y_test, estimator.predict(x_test))
    with tempfile.TemporaryDirectory() as folder:
        joblib.dump(estimator, Path(folder, "model.joblib"))
        candidate = registry.sklearn.create_model(
            "diabetes",
            metrics={"mae": error},
            description=f"ridge regression, alpha {alpha}",
            input_example=x_test.head(1),
            model_schema=schema,
        )
        candidate.save(folder)

best = registry.get_best_model("diabetes", metric="mae", direction="min")
if best is None:
    raise SystemExit("no version has this metric")
print(f"best: version {best.version}, {best.description}, {best.training_metrics}")

deployment = best.deploy()
deployment.start()
try:
    # The example is a valid request: an object with the column names.
    print("example:", best.input_example)
    print("answer: ", deployment.predict(inputs=best.input_example))
finally:
    deployment.stop()
