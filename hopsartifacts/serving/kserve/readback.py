"""From an InferenceService back to what it pins and sets.

It is the reverse of ``manifest``: what it finds in a manifest of ours is what the
sealed version and the settings of the cluster said.
"""

from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from hopsartifacts.errors import InvalidInputError
from hopsartifacts.serving.contract import ComponentResources
from hopsartifacts.serving.kserve import names
from hopsartifacts.serving.kserve.addresses import SealedAddress
from hopsartifacts.serving.kserve.amounts import resources_of
from hopsartifacts.serving.kserve.manifest import GRACE_S
from hopsartifacts.serving.kserve.objects import (
    Container,
    EnvironmentVariable,
    InferenceService,
    RequestBatcher,
    RequestLogger,
    ServiceComponent,
)
from hopsartifacts.serving.kserve.runtimes import RUNTIMES
from hopsartifacts.serving.kserve.settings import Mode, Rollout, Toleration


class PinnedService(msgspec.Struct, frozen=True, kw_only=True):
    """What an InferenceService pins, and what it sets on the cluster.

    Settings that only the specification has are not in it; see its digest in the
    address. A setting that the service does not use is None or empty.

    Attributes:
        address: the sealed version, with its digest.
        deployment_id: the id of the deployment; empty if it was not saved.
        model: name and version of the model: ``iris/3``.
        name: the name of the InferenceService.
        namespace: the namespace that it is in.
        mode: ``Standard`` or ``Knative``.
        model_server: which server answers.
        api_protocol: ``GRPC`` if a port for it is open.
        image: the image that fetches, and that runs scripts; None if KServe fetches for
            a runtime of its own.
        vllm_image: the image of vLLM, if it is not the cluster's.
        predictor: the resources of the predictor; limits of GPUs are the numbers that
            it gets.
        transformer: those of the transformer; None without one.
        env_vars: variables for a server that does not read the specification.
        config_file: the configuration file of vLLM.
        batcher: KServe's batcher, for such a server.
        logger: KServe's logger, for such a server.
        has_shipper: whether a sidecar writes the inference log.
        credentials: the Secret with the credentials of the storage.
        storage_env: further variables for the storage.
        service_account: the service account.
        image_pull_secrets: the Secrets for the registry.
        claim: the volume claim of the project.
        claim_path: its folder in the claim.
        rollout: how pods are replaced; None in mode Knative.
        drain_s: how long requests may take when a pod ends.
        startup_s: how long a container of ours may take to load, to five seconds.
        node_selector: labels of the nodes.
        tolerations: the taints that the pods tolerate.
    """

    address: SealedAddress
    deployment_id: str
    model: str
    name: str
    namespace: str
    mode: Mode
    model_server: str
    api_protocol: Literal["REST", "GRPC"]
    image: str | None = None
    vllm_image: str | None = None
    predictor: ComponentResources
    transformer: ComponentResources | None = None
    env_vars: dict[str, str] = {}
    config_file: str | None = None
    batcher: RequestBatcher | None = None
    logger: RequestLogger | None = None
    has_shipper: bool = False
    credentials: str | None = None
    storage_env: dict[str, str] = {}
    service_account: str | None = None
    image_pull_secrets: tuple[str, ...] = ()
    claim: str | None = None
    claim_path: str = ""
    rollout: Rollout | None = None
    drain_s: int
    startup_s: int | None = None
    node_selector: dict[str, str] = {}
    tolerations: tuple[Toleration, ...] = ()


def read_manifest(given: dict[str, Any]) -> PinnedService:
    """Return what an InferenceService that ``manifest`` made pins and sets.

    Defaults that a cluster added to it are no part of the result.

    Args:
        given: the object as plain values, as written or as a cluster returns it.

    Raises:
        InvalidInputError: it is not an InferenceService of this package, or two parts
            of it pin different versions.
    """
    try:
        service = msgspec.convert(given, InferenceService)
        return _Reader(service).pinned()
    except msgspec.ValidationError as error:
        raise InvalidInputError(
            f"this is not an InferenceService that hopsartifacts wrote: {error}"
        ) from error


class _Reader:
    """An InferenceService, with what several questions about it need."""

    def __init__(self, service: InferenceService) -> None:
        self._service = service
        self._predictor = service.spec.predictor
        self._notes = service.metadata.annotations
        parts = [service.spec.predictor, service.spec.transformer]
        self._components = [it for it in parts if it is not None]
        entry = self._components[-1]
        self._all = [*entry.init_containers, *entry.containers]

    def pinned(self) -> PinnedService:
        """Return what the whole object says."""
        service, predictor, notes = self._service, self._predictor, self._notes
        main, model = self._main(predictor), predictor.model
        is_vllm = main is not None and main.command[:1] == ("vllm",)
        own = None if is_vllm else main
        transformer = service.spec.transformer
        fetching = self._named(names.FETCHING_CONTAINER)
        ours = fetching or own or (transformer and self._main(transformer))
        foreign = model or (main if is_vllm else None)
        store = self._store_environment(fetching)
        shipper = self._named(names.SHIPPING_CONTAINER)
        strategy, grace = predictor.deployment_strategy, self._grace_s()
        return PinnedService(
            address=self._address(),
            deployment_id=notes.get(names.DEPLOYMENT_ID, ""),
            model=notes.get(names.MODEL, ""),
            name=service.metadata.name,
            namespace=service.metadata.namespace or "default",
            mode="Knative" if notes.get(names.MODE) == "Knative" else "Standard",
            model_server=self._model_server(is_vllm=is_vllm),
            api_protocol=self._protocol(),
            image=ours.image if ours else None,
            vllm_image=main.image if main and is_vllm else None,
            predictor=self._resources(predictor),
            transformer=self._resources(transformer) if transformer else None,
            env_vars=self._variables(foreign.env) if foreign else {},
            config_file=self._config_file(foreign.args) if foreign else None,
            batcher=predictor.batcher,
            logger=predictor.logger,
            has_shipper=shipper is not None,
            credentials=self._credentials(fetching),
            storage_env=store,
            service_account=predictor.service_account_name,
            image_pull_secrets=tuple(it.name for it in predictor.image_pull_secrets),
            claim=self._claim(),
            claim_path=self._claim_path(),
            rollout=strategy.type if strategy else None,
            drain_s=grace - GRACE_S,
            startup_s=self._startup_s(main),
            node_selector=predictor.node_selector,
            tolerations=tuple(
                msgspec.convert(it.to_dict(), Toleration)
                for it in predictor.tolerations
            ),
        )

    def _address(self) -> SealedAddress:
        """Return the one address that all parts name.

        Raises:
            InvalidInputError: there is none, or they differ.
        """
        found = {*self._addresses()}
        if len(found) != 1:
            named = " and ".join(sorted(found)) or "no address"
            raise InvalidInputError(
                f"InferenceService {self._service.metadata.name!r} pins {named}: it "
                "must name one sealed version; write the manifest again"
            )
        address = SealedAddress.parse(found.pop())
        pinned = {
            names.DEPLOYMENT: address.deployment,
            names.VERSION: str(address.version),
            names.SPECIFICATION: address.specification,
        }
        for notes in (self._notes, *(it.annotations for it in self._components)):
            for key, value in pinned.items():
                if notes.get(key) != value:
                    raise InvalidInputError(
                        f"InferenceService {self._service.metadata.name!r} runs "
                        f"{value!r}, but its annotation {key} is {notes.get(key)!r}: "
                        "write the manifest again"
                    )
        return address

    def _addresses(self) -> Iterator[str]:
        for component in self._components:
            if component.model is not None and component.model.storage_uri:
                yield component.model.storage_uri
            for container in (*component.init_containers, *component.containers):
                if container.name == names.FETCHING_CONTAINER:
                    yield from container.args[:1]
                for variable in container.env:
                    if variable.name == names.STORAGE_VARIABLE:
                        yield variable.value

    def _model_server(self, *, is_vllm: bool) -> str:
        model = self._predictor.model
        if model is None:
            return "VLLM" if is_vllm else "PYTHON"
        if model.runtime not in RUNTIMES:
            raise InvalidInputError(
                f"runtime {model.runtime!r} is not one of {', '.join(RUNTIMES)}: write "
                "the manifest again"
            )
        return RUNTIMES[model.runtime]

    def _named(self, name: str) -> Container | None:
        return next((it for it in self._all if it.name == name), None)

    def _main(self, component: ServiceComponent) -> Container | None:
        found = (it for it in component.containers if it.name == names.MAIN_CONTAINER)
        return next(found, None)

    def _protocol(self) -> Literal["REST", "GRPC"]:
        """Return the protocol of the component that clients talk to."""
        main = self._main(self._components[-1])
        ports = main.ports if main else ()
        return "GRPC" if any(it.name == "h2c" for it in ports) else "REST"

    def _resources(self, component: ServiceComponent) -> ComponentResources:
        main = self._main(component) or component.model
        if main is None:
            raise InvalidInputError(
                f"InferenceService {self._service.metadata.name!r} has a component "
                f"without a model or container {names.MAIN_CONTAINER!r}: write the "
                "manifest again"
            )
        return resources_of(main.resources, component.min_replicas or 0)

    def _variables(self, given: tuple[EnvironmentVariable, ...]) -> dict[str, str]:
        set_by_us = {names.STORAGE_VARIABLE, names.COMPONENT_VARIABLE}
        return {
            it.name: it.value.replace("$$", "$")
            for it in given
            if it.name not in set_by_us and (it.name, it.value) != ("HOME", "/tmp")  # noqa: S108
        }

    def _store_environment(self, fetching: Container | None) -> dict[str, str]:
        return self._variables(fetching.env) if fetching else {}

    def _credentials(self, fetching: Container | None) -> str | None:
        sources = fetching.env_from if fetching else ()
        return next((it.secret_ref.name for it in sources), None)

    def _config_file(self, args: tuple[str, ...]) -> str | None:
        for arg in args:
            if arg.startswith("--config="):
                return arg.rpartition("/")[2].replace("$$", "$")
        return None

    def _claim(self) -> str | None:
        sources = (it.persistent_volume_claim for it in self._predictor.volumes)
        return next((it.claim_name for it in sources if it), None)

    def _claim_path(self) -> str:
        named = (it for part in self._all for it in part.volume_mounts)
        return next((it.sub_path for it in named if it.sub_path), "")

    def _grace_s(self) -> int:
        component = self._predictor
        found = component.termination_grace_period_seconds or component.timeout
        return found if found is not None else GRACE_S

    def _startup_s(self, main: Container | None) -> int | None:
        probe = main.startup_probe if main else None
        return probe.period_seconds * probe.failure_threshold if probe else None
