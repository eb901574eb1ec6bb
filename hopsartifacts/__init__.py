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

Names and behaviour are those of Hopsworks' Python client; where they differ on
purpose, the docstring says so.
"""

from hopsartifacts.artifacts.decision import Decision
from hopsartifacts.artifacts.difference import Difference
from hopsartifacts.artifacts.documents import ArtifactVersion
from hopsartifacts.artifacts.handle import Artifacts
from hopsartifacts.bundles.values import ExportReport, ImportReport
from hopsartifacts.datasets import DatasetApi
from hopsartifacts.deployments.deployment import Deployment
from hopsartifacts.deployments.documents import Specification
from hopsartifacts.deployments.handle import ModelServing
from hopsartifacts.deployments.parts import (
    InferenceBatcher,
    InferenceLogger,
    Transformer,
)
from hopsartifacts.deployments.predictor import Predictor
from hopsartifacts.deployments.resources import (
    PredictorResources,
    Resources,
    TransformerResources,
)
from hopsartifacts.deployments.state import PredictorState
from hopsartifacts.guard.doctor import DoctorReport
from hopsartifacts.guard.gc import Garbage, GcReport
from hopsartifacts.guard.repair import Repaired, RepairReport
from hopsartifacts.guard.verify import VerifyReport
from hopsartifacts.project import Project, login
from hopsartifacts.registry.documents import AliasRecord, Manifest
from hopsartifacts.registry.handle import ModelRegistry
from hopsartifacts.registry.model import Model
from hopsartifacts.registry.schema import ModelSchema, Schema
from hopsartifacts.store.cache import Cache
from hopsartifacts.store.checking import Finding

__version__ = "0.1.0"

__all__ = [
    "AliasRecord",
    "ArtifactVersion",
    "Artifacts",
    "Cache",
    "DatasetApi",
    "Decision",
    "Deployment",
    "Difference",
    "DoctorReport",
    "ExportReport",
    "Finding",
    "Garbage",
    "GcReport",
    "ImportReport",
    "InferenceBatcher",
    "InferenceLogger",
    "Manifest",
    "Model",
    "ModelRegistry",
    "ModelSchema",
    "ModelServing",
    "Predictor",
    "PredictorResources",
    "PredictorState",
    "Project",
    "RepairReport",
    "Repaired",
    "Resources",
    "Schema",
    "Specification",
    "Transformer",
    "TransformerResources",
    "VerifyReport",
    "__version__",
    "login",
]
