"""A model registry, artifact store and deployment builder in your own file system.

    import hopsartifacts

    project = hopsartifacts.login()                  # ./hopsartifacts-project
    mr = project.get_model_registry()
    model = mr.sklearn.create_model("cancer", metrics={"auc": 0.99})
    model.save("model_dir")                          # Models/cancer/1/Files/…

    deployment = model.deploy(script_file="predictor.py")   # …/Artifacts/1/…
    deployment.start()                               # a server on this machine
    deployment.predict(inputs=[[1.0, 2.0]])          # {"predictions": […]}
    deployment.stop()

Names and behaviour are those of Hopsworks' Python client. Where they differ on
purpose, the docstring says so.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hopsartifacts.public import *

__version__ = "0.1.0"

__all__ = [
    "Activation",
    "AliasRecord",
    "ArtifactVersion",
    "Artifacts",
    "Cache",
    "ClusterManifest",
    "ClusterSettings",
    "DamagedLogWarning",
    "DatasetApi",
    "Decision",
    "Deployed",
    "Deployment",
    "DeploymentCheck",
    "DeploymentDifference",
    "DeploymentSnapshot",
    "Difference",
    "DoctorReport",
    "Exchanges",
    "ExportReport",
    "Finding",
    "Garbage",
    "GcReport",
    "GoldenRequest",
    "ImportReport",
    "InferenceBatcher",
    "InferenceLogger",
    "KafkaTopic",
    "LogArchive",
    "LogLine",
    "Manifest",
    "Model",
    "ModelChange",
    "ModelDifference",
    "ModelRegistry",
    "ModelSchema",
    "ModelServing",
    "Predictor",
    "PredictorResources",
    "PredictorState",
    "ProcessUsage",
    "Project",
    "RepairReport",
    "Repaired",
    "Resources",
    "RollbackCheck",
    "RunProgress",
    "RunState",
    "Schema",
    "Specification",
    "StoredLog",
    "Traffic",
    "Transformer",
    "TransformerResources",
    "VerifyReport",
    "__version__",
    "login",
]


def __getattr__(name: str) -> Any:
    """Import a public name or a submodule on first use.

    Deployment processes use few of them, so they start faster.
    """
    if name in __all__:
        found = getattr(import_module("hopsartifacts.public"), name)
        globals()[name] = found
        return found
    try:
        # ``hopsartifacts.errors`` and the like work without importing them first.
        return import_module(f"hopsartifacts.{name}")
    except ModuleNotFoundError as error:
        raise AttributeError(
            f"module 'hopsartifacts' has no attribute {name!r}", name=name
        ) from error


def __dir__() -> list[str]:
    """Return every name the module has, including those not imported yet."""
    return sorted({*globals(), *__all__})
