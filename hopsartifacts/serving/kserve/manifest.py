"""From a sealed version and the settings of a cluster to an InferenceService.

The same version and settings always give the same object. It names the version by its
digest, so whoever applies it gets exactly this version, or pods that do not start.
Settings of a specification that our own processes read from it are not in the object.
"""

from typing import Any

from hopsartifacts.errors import UnsupportedHereError
from hopsartifacts.serving.contract import (
    Component,
    ComponentResources,
    Limits,
    Resources,
    SealedVersion,
)
from hopsartifacts.serving.kserve import containers, names, runtimes
from hopsartifacts.serving.kserve.addresses import SCHEME, SealedAddress
from hopsartifacts.serving.kserve.amounts import NO_LIMIT
from hopsartifacts.serving.kserve.objects import (
    ClusterStorageContainer,
    Container,
    ContainerPort,
    InferenceService,
    Metadata,
    NamedObject,
    NodeToleration,
    RollingUpdate,
    RolloutStrategy,
    RuntimeModel,
    ServiceComponent,
    ServiceSpec,
    StorageContainerSpec,
    UriFormat,
)
from hopsartifacts.serving.kserve.restrictions import restrictions
from hopsartifacts.serving.kserve.settings import ClusterSettings

GRACE_S = 30
"""How much longer than its requests a pod may take to end: it first waits until no
more requests come, and then ends its processes."""


def manifest(sealed: SealedVersion, settings: ClusterSettings) -> dict[str, Any]:
    """Return the InferenceService that runs *sealed*, as plain values.

    Raises:
        UnsupportedHereError: this cluster cannot run it; the message says what can.
        InvalidNameError: KServe's names for its parts would be too long.
    """
    return _Builder(sealed, settings).service().to_dict()


def storage_container(settings: ClusterSettings) -> dict[str, Any]:
    """Return the object by which KServe fetches addresses of ours, in mode Knative.

    There is one for the whole cluster. The Secret with the credentials must exist in
    each namespace that has deployments.
    """
    fetching = containers.fetching_container("", settings, "predictor", None)
    container = Container(
        name=fetching.name,
        image=fetching.image,
        command=fetching.command,
        env_from=fetching.env_from,
        env=fetching.env,
        resources=fetching.resources,
        # The pod has no volume for its files, so it writes to its root.
        security_context=containers.security(is_ours=False),
        termination_message_policy=fetching.termination_message_policy,
    )
    return ClusterStorageContainer(
        api_version="serving.kserve.io/v1alpha1",
        kind="ClusterStorageContainer",
        metadata=Metadata(name=names.STORAGE_CONTAINER),
        spec=StorageContainerSpec(
            container=container,
            supported_uri_formats=(UriFormat(prefix=f"{SCHEME}://"),),
            workload_type="initContainer",
        ),
    ).to_dict()


class _Builder:
    """The parts of one InferenceService, with what they have in common."""

    def __init__(self, sealed: SealedVersion, settings: ClusterSettings) -> None:
        self._sealed, self._settings = sealed, settings
        self._is_standard = settings.mode == "Standard"
        self._has_transformer = sealed.transformer_script is not None
        self._is_ours = sealed.model_server == "PYTHON"
        self._name = names.service_name(
            sealed.deployment, settings.namespace, has_transformer=self._has_transformer
        )
        self._claim = containers.claim_path(sealed, settings)
        self._uri = SealedAddress(
            project_url=sealed.project_url,
            deployment=sealed.deployment,
            version=sealed.deployment_version,
            specification=sealed.specification,
        ).uri
        if wrong := [*restrictions(sealed, settings)]:
            errors = [
                UnsupportedHereError(f"deployment {sealed.deployment!r}: {it}")
                for it in wrong
            ]
            raise errors[0].joined(errors[1:])

    def service(self) -> InferenceService:
        """Return the whole object."""
        sealed = self._sealed
        details = {
            names.MODE: self._settings.mode,
            **({names.AUTOSCALER: "none"} if self._is_standard else {}),
            names.DEPLOYMENT_ID: sealed.deployment_id,
            names.PROJECT: SealedAddress.parse(self._uri).project_url,
            names.MODEL: f"{sealed.model}/{sealed.model_version}",
            **self._pins(),
        }
        return InferenceService(
            api_version="serving.kserve.io/v1beta1",
            kind="InferenceService",
            metadata=Metadata(
                name=self._name,
                namespace=self._settings.namespace,
                labels=self._labels(),
                annotations={name: it for name, it in details.items() if it},
            ),
            spec=ServiceSpec(
                predictor=self._predictor(),
                transformer=self._transformer() if self._has_transformer else None,
            ),
        )

    def _labels(self) -> dict[str, str]:
        return {
            names.MANAGED_BY: names.MANAGER,
            names.DEPLOYMENT: self._sealed.deployment,
            names.VERSION: str(self._sealed.deployment_version),
        }

    def _pins(self) -> dict[str, str]:
        """Return the annotations that tell the pods of two versions apart."""
        return {
            names.DEPLOYMENT: self._sealed.deployment,
            names.VERSION: str(self._sealed.deployment_version),
            names.SPECIFICATION: self._sealed.specification,
        }

    def _predictor(self) -> ServiceComponent:
        sealed, settings = self._sealed, self._settings
        resources = _resources(sealed.resources, sealed.instances, sealed.limits)
        if self._is_ours:
            main = containers.serving_container(
                (
                    *("--component", "predictor", "--port", str(names.HTTP_PORT)),
                    *self._grpc_args(),
                ),
                self._ports("predictor"),
                resources,
                settings,
                uri=self._uri,
                claim=self._claim,
            )
            return self._component("predictor", resources, main=main)
        if sealed.model_server == "VLLM" and settings.vllm_image is not None:
            main = containers.vllm_container(
                runtimes.vllm_args(sealed, self._name),
                sealed,
                resources,
                settings,
                uri=self._uri,
                claim=self._claim,
            )
            return self._component("predictor", resources, main=main)
        model = runtimes.runtime_model(
            sealed,
            settings,
            name=self._name,
            resources=resources,
            uri=self._uri,
            claim=self._claim,
        )
        return self._component("predictor", resources, model=model)

    def _transformer(self) -> ServiceComponent:
        sealed = self._sealed
        resources = _resources(
            sealed.transformer_resources,
            sealed.transformer_instances,
            sealed.transformer_limits,
        )
        host = names.predictor_host(self._name, self._settings.namespace)
        main = containers.serving_container(
            # In the words that KServe would add otherwise.
            (
                *("--component", "transformer", "--model_name", self._name),
                *("--predictor_host", host, "--http_port", str(names.HTTP_PORT)),
                *self._grpc_args(),
            ),
            self._ports("transformer"),
            resources,
            self._settings,
            uri=self._uri,
            claim=self._claim,
        )
        return self._component("transformer", resources, main=main)

    def _component(
        self,
        component: Component,
        resources: ComponentResources,
        *,
        main: Container | None = None,
        model: RuntimeModel | None = None,
    ) -> ServiceComponent:
        """Return a component around its main container or its model."""
        settings, sealed = self._settings, self._sealed
        instances = resources.num_instances
        logs_here = self._logger_component() == component
        first, beside = self._helpers(component, logs_here=logs_here)
        own = (main,) if main is not None else ()
        mounts = [it.volume_mounts for it in (*first, *own, *beside)]
        mounts += [model.volume_mounts] if model is not None else []
        is_logged = model is not None and not self._has_transformer
        return ServiceComponent(
            labels=self._labels(),
            annotations=self._pins(),
            min_replicas=instances,
            max_replicas=max(instances, 1),
            timeout=None if self._is_standard else settings.drain_s + GRACE_S,
            deployment_strategy=self._rollout(),
            batcher=runtimes.batcher(sealed) if model is not None else None,
            logger=runtimes.logger(sealed, settings) if is_logged else None,
            service_account_name=settings.service_account,
            enable_service_links=False,
            image_pull_secrets=tuple(
                NamedObject(name=it) for it in settings.image_pull_secrets
            ),
            node_selector=dict(sorted(settings.node_selector.items())),
            tolerations=tuple(
                NodeToleration(
                    key=it.key, operator=it.operator, value=it.value, effect=it.effect
                )
                for it in settings.tolerations
            ),
            termination_grace_period_seconds=(
                settings.drain_s + GRACE_S if self._is_standard else None
            ),
            init_containers=first,
            containers=(*own, *beside),
            model=model,
            volumes=containers.volumes(
                frozenset(it.name for some in mounts for it in some),
                settings,
                is_written=logs_here,
            ),
        )

    def _helpers(
        self, component: Component, *, logs_here: bool
    ) -> tuple[tuple[Container, ...], tuple[Container, ...]]:
        """Return the containers before the main one, and those beside it."""
        if not self._settings.has_init_containers:
            return (), ()
        fetching = containers.fetching_container(
            self._uri, self._settings, component, self._claim
        )
        if not logs_here:
            return (fetching,), ()
        shipping = containers.shipping_container(self._settings, self._claim)
        if self._is_standard:
            return (fetching, shipping), ()
        return (fetching,), (shipping,)

    def _logger_component(self) -> Component | None:
        """Return the component of ours that logs: the one that clients talk to."""
        if self._sealed.logging is None:
            return None
        if self._has_transformer:
            return "transformer"
        return "predictor" if self._is_ours else None

    def _grpc_args(self) -> tuple[str, ...]:
        if self._sealed.api_protocol == "REST":
            return ()
        return ("--grpc-port", str(names.GRPC_PORT))

    def _ports(self, component: Component) -> tuple[ContainerPort, ...]:
        """Return the ports that requests come to; Knative allows one.

        A transformer asks its predictor over HTTP, also for clients that use gRPC.
        """
        if self._sealed.api_protocol == "REST":
            return (containers.http_port(),)
        if self._is_standard:
            return (containers.http_port(), containers.grpc_port())
        is_asked = component == "predictor" and self._has_transformer
        return (containers.http_port() if is_asked else containers.grpc_port(),)

    def _rollout(self) -> RolloutStrategy | None:
        if not self._is_standard:
            return None
        if self._settings.rollout == "Recreate":
            return RolloutStrategy(type="Recreate")
        first = RollingUpdate(max_unavailable=0, max_surge=1)
        return RolloutStrategy(type="RollingUpdate", rolling_update=first)


def _resources(
    sealed: ComponentResources | None, instances: int, limits: Limits
) -> ComponentResources:
    """Return the resources of a component; of a version without them, what it has."""
    if sealed is not None:
        return sealed
    cores, memory = limits.cores, limits.memory_mb
    return ComponentResources(
        num_instances=instances,
        requests=Resources(),
        limits=Resources(
            cores=NO_LIMIT if cores is None else cores,
            memory=NO_LIMIT if memory is None else memory,
        ),
    )
