"""All public names, re-exported for ``hopsartifacts``."""

from hopsartifacts.artifacts.decision import Decision as Decision
from hopsartifacts.artifacts.difference import Difference as Difference
from hopsartifacts.artifacts.documents import ArtifactVersion as ArtifactVersion
from hopsartifacts.artifacts.handle import Artifacts as Artifacts
from hopsartifacts.bundles.values import ExportReport as ExportReport
from hopsartifacts.bundles.values import ImportReport as ImportReport
from hopsartifacts.datasets import DatasetApi as DatasetApi
from hopsartifacts.deployments.check_results import DeploymentCheck as DeploymentCheck
from hopsartifacts.deployments.check_results import RollbackCheck as RollbackCheck
from hopsartifacts.deployments.deployed import Deployed as Deployed
from hopsartifacts.deployments.deployment import Deployment as Deployment
from hopsartifacts.deployments.documents import Specification as Specification
from hopsartifacts.deployments.handle import ModelServing as ModelServing
from hopsartifacts.deployments.history import Activation as Activation
from hopsartifacts.deployments.history import (
    DeploymentDifference as DeploymentDifference,
)
from hopsartifacts.deployments.history import DeploymentSnapshot as DeploymentSnapshot
from hopsartifacts.deployments.parts import InferenceBatcher as InferenceBatcher
from hopsartifacts.deployments.parts import InferenceLogger as InferenceLogger
from hopsartifacts.deployments.parts import KafkaTopic as KafkaTopic
from hopsartifacts.deployments.parts import PredictorResources as PredictorResources
from hopsartifacts.deployments.parts import Transformer as Transformer
from hopsartifacts.deployments.parts import (
    TransformerResources as TransformerResources,
)
from hopsartifacts.deployments.predictor import Predictor as Predictor
from hopsartifacts.deployments.progress import RunProgress as RunProgress
from hopsartifacts.deployments.requests import GoldenRequest as GoldenRequest
from hopsartifacts.deployments.state import PredictorState as PredictorState
from hopsartifacts.guard.doctor import DoctorReport as DoctorReport
from hopsartifacts.guard.gc import Garbage as Garbage
from hopsartifacts.guard.gc import GcReport as GcReport
from hopsartifacts.guard.repair import Repaired as Repaired
from hopsartifacts.guard.repair import RepairReport as RepairReport
from hopsartifacts.guard.verify import VerifyReport as VerifyReport
from hopsartifacts.project import Project as Project
from hopsartifacts.project import login as login
from hopsartifacts.registry.difference import ModelDifference as ModelDifference
from hopsartifacts.registry.documents import AliasRecord as AliasRecord
from hopsartifacts.registry.documents import Manifest as Manifest
from hopsartifacts.registry.handle import ModelRegistry as ModelRegistry
from hopsartifacts.registry.history import ModelChange as ModelChange
from hopsartifacts.registry.model import Model as Model
from hopsartifacts.registry.schema import ModelSchema as ModelSchema
from hopsartifacts.registry.schema import Schema as Schema
from hopsartifacts.serving.contract import LogArchive as LogArchive
from hopsartifacts.serving.contract import LogLine as LogLine
from hopsartifacts.serving.contract import ProcessUsage as ProcessUsage
from hopsartifacts.serving.contract import Resources as Resources
from hopsartifacts.serving.contract import RunState as RunState
from hopsartifacts.serving.contract import StoredLog as StoredLog
from hopsartifacts.serving.inference_log.exchanges import Exchanges as Exchanges
from hopsartifacts.serving.kserve.cluster_manifest import (
    ClusterManifest as ClusterManifest,
)
from hopsartifacts.serving.kserve.settings import ClusterSettings as ClusterSettings
from hopsartifacts.serving.traffic import Traffic as Traffic
from hopsartifacts.store.cache import Cache as Cache
from hopsartifacts.store.checks import Finding as Finding
from hopsartifacts.store.damage import DamagedLogWarning as DamagedLogWarning
