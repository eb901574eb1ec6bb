"""The main job from end to end: save, version, deploy, predict, verify, repair.

Run it with `make demo`. It keeps its project in ./demo-project, so a second run finds
what the first one saved and goes on from there.
"""

import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import joblib
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

import hopsartifacts
from hopsartifacts import Deployment, Model, ModelSchema, Project, Schema

HERE = Path(__file__).parent
NAMES = ("cancer", "cancershadow", "cancercareful", "cancerplain")


def say(text: str = "") -> None:
    """Print a line at once, so that a log shows it in order."""
    print(text, flush=True)


def title(text: str) -> None:
    """Print a headline."""
    say(f"\n== {text}")


def save_two_versions(project: Project, data: list[Any], work: Path) -> list[Model]:
    """Train two real models and save each with its metrics."""
    x_train, x_test, y_train, y_test = data
    schema = ModelSchema(input_schema=Schema(x_train), output_schema=Schema(y_train))
    candidates = {
        "one small decision tree": DecisionTreeClassifier(max_depth=1, random_state=0),
        "scaled logistic regression": make_pipeline(
            StandardScaler(), LogisticRegression(random_state=0)
        ),
    }
    registry = project.get_model_registry()
    saved = []
    for description, estimator in candidates.items():
        estimator.fit(x_train, y_train)
        folder = work / description.replace(" ", "_")
        folder.mkdir()
        joblib.dump(estimator, folder / "model.joblib")
        metrics = {
            "accuracy": accuracy_score(y_test, estimator.predict(x_test)),
            "auc": roc_auc_score(y_test, estimator.predict_proba(x_test)[:, 1]),
        }
        model = registry.sklearn.create_model(
            "cancer",
            metrics=metrics,
            description=description,
            input_example=x_test[:1],
            model_schema=schema,
        )
        model.save(folder)
        figures = ", ".join(f"{name} {value:.3f}" for name, value in metrics.items())
        say(f"saved {model.model_files_path}  ({description}: {figures})")
        saved.append(model)
    return saved


def deploy_four_ways(project: Project, model: Model) -> list[Deployment]:
    """Deploy one model version with one, the same, another and no script."""
    serving = project.get_model_serving()
    predictor = serving.create_predictor(
        model, name=NAMES[0], script_file=HERE / "predictor.py"
    )
    deployments = [
        predictor.deploy(),
        model.deploy(NAMES[1], script_file=HERE / "predictor.py"),
        model.deploy(NAMES[2], script_file=HERE / "careful_predictor.py"),
        model.deploy(NAMES[3]),
    ]
    for deployment in deployments:
        say(f"{deployment.name}: {deployment.explain()}")
    return deployments


def measure(deployment: Deployment, rows: Any, labels: Any) -> None:
    """Start a deployment and print the accuracy reached through its server."""
    started = time.monotonic()
    deployment.start()
    ready = time.monotonic() - started
    answer = deployment.predict(inputs=rows)
    accuracy = accuracy_score(labels, answer["predictions"])
    state = deployment.get_state()
    say(
        f"{deployment.name}: artifact {deployment.artifact_version}, {state.status} "
        f"after {ready:.1f} s at {state.hopsworks_inference_path}, accuracy "
        f"{accuracy:.3f} on {len(labels)} held-out rows"
    )


def edit_and_repair(project: Project, deployment: Deployment) -> None:
    """Change a managed file behind the store's back, and undo it."""
    root = Path(project.url.removeprefix("file://"))
    path = deployment.artifact_files_path or ""
    script = root / path.removeprefix(f"/Projects/{project.name}/")
    script /= "predictor-predictor.py"
    say(f"mode of {script.name}: {script.stat().st_mode & 0o777:o} (read-only)")
    script.chmod(0o644)
    script.write_text(script.read_text().replace("predict(inputs)", "predict([])"))
    say("edited it anyway; verify says:")
    say(str(project.verify()))
    say("repair says:")
    say(str(project.repair()))
    say("verify says:")
    say(str(project.verify()))


def tree(folder: Path, indent: str = "  ") -> None:
    """Print a folder as a tree."""
    for child in sorted(folder.iterdir()):
        say(f"{indent}{child.name}{'/' if child.is_dir() else ''}")
        if child.is_dir():
            tree(child, indent + "  ")


def main() -> None:
    """Run the demo."""
    project = hopsartifacts.login("demo-project")
    serving = project.get_model_serving()
    for left in serving.get_deployments():
        left.delete(force=True)
    features, labels = load_breast_cancer(return_X_y=True)
    data = train_test_split(features, labels, random_state=0, stratify=labels)
    work = Path(tempfile.mkdtemp())
    deployments: list[Deployment] = []
    try:
        title("Train and save two versions")
        save_two_versions(project, data, work)
        best = project.get_model_registry().get_best_model("cancer", "auc", "max")
        if best is None:
            raise SystemExit("no model was saved")
        say(f"the better one by auc is version {best.version}")

        title("Deploy it: a script, the same script, a changed one, none")
        deployments = deploy_four_ways(project, best)

        title("Start, and predict through the running servers")
        for deployment in deployments:
            measure(deployment, data[1], data[3])
        deployments[0].get_state().describe()
        deployments[0].get_logs(tail=3)

        title("Edit a managed file behind the store's back")
        edit_and_repair(project, deployments[0])
    finally:
        title("Stop everything")
        for deployment in deployments:
            deployment.stop()
            say(f"{deployment.name}: {deployment.get_state().status}")
        shutil.rmtree(work)

    title("What lies under Models")
    tree(Path("demo-project", "Models"))


if __name__ == "__main__":
    main()
