"""What is chosen for a cluster, and is no part of a sealed deployment."""

import re
import tomllib
from pathlib import Path
from typing import Any, Literal, Self

import msgspec

from hopsartifacts.errors import InvalidInputError, Problem

Mode = Literal["Standard", "Knative"]
Minor = Literal["0.19", "0.20"]
Rollout = Literal["RollingUpdate", "Recreate"]

INIT_CONTAINERS_FLAG = "kubernetes.podspec-init-containers"
SETTINGS_VARIABLE = "HOPSARTIFACTS_CLUSTER_SETTINGS"
"""Names the TOML file with the settings that are used if none are given."""

_IMAGE = re.compile(r"[^\s@]+@sha256:[0-9a-f]{64}")
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_OBJECT = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_OBJECT_RULE = (
    "lower-case letters, digits, '-' and '.', first and last a letter or digit"
)
_FLAG = re.compile(r"[a-z]+(\.[a-z]+(-[a-z]+)*)+")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRET = re.compile(r"SECRET|PASSWORD|TOKEN|KEY|CONNECTION_STRING")
_FORBIDDEN_ENV = frozenset({"PYTHONPATH", "PYTHONHOME", "STORAGE_URI"})


class Toleration(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
):
    """A taint of nodes on which the pods may run, in the words of Kubernetes."""

    key: str | None = None
    operator: Literal["Exists", "Equal"] = "Equal"
    value: str | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None


class ClusterSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """The settings of a cluster and namespace; the same for many deployments.

    Attributes:
        image: our image, by digest (``registry/name@sha256:…``).
        namespace: the namespace of the objects.
        mode: ``Standard`` makes Deployments, ``Knative`` makes Knative Services.
        kserve: the minor release of KServe on the cluster.
        knative_flags: the flags of Knative that are on, by their names
            (``kubernetes.podspec-…``). With that for init containers, the pods have one
            of ours, as in mode Standard, which allows an inference log. Without it,
            KServe fetches by the ClusterStorageContainer.
        vllm_image: an image of vLLM, by digest, for LLMs. Without it, KServe's own
            runtime serves them, which 0.19 does not have.
        allow_image_tags: accept images without a digest. Their content can change, so
            a manifest then does not pin the code that runs.
        image_pull_secrets: the names of Secrets for the images' registry.
        credentials: the name of a Secret whose members are the variables that the
            project's storage needs. Only containers that read or write the project get
            them.
        storage_env: further variables for these, which are not secret.
        service_account: the service account of the pods.
        claim: the volume claim that contains a ``file://`` project. It is mounted at
            the project's path.
        claim_path: the folder of the project inside the claim; by default its root.
        rollout: ``RollingUpdate`` starts new pods first; ``Recreate`` ends the old ones
            first, for scarce GPUs. In Knative there is no choice.
        logger_url: receives the requests and answers that KServe logs, for the runtimes
            that are not ours.
        startup_s: how long a container may take to load its model.
        drain_s: how long requests may take that are running when a pod ends.
        node_selector: labels of the nodes on which the pods may run.
        tolerations: the taints that they tolerate.

    Raises:
        InvalidInputError: a setting is not valid; it names all that are not.
    """

    image: str = ""
    namespace: str = "default"
    mode: Mode = "Standard"
    kserve: Minor = "0.20"
    knative_flags: tuple[str, ...] = ()
    vllm_image: str | None = None
    allow_image_tags: bool = False
    image_pull_secrets: tuple[str, ...] = ()
    credentials: str | None = None
    storage_env: dict[str, str] = {}
    service_account: str | None = None
    claim: str | None = None
    claim_path: str = ""
    rollout: Rollout = "RollingUpdate"
    logger_url: str | None = None
    startup_s: int = 600
    drain_s: int = 300
    node_selector: dict[str, str] = {}
    tolerations: tuple[Toleration, ...] = ()

    def __post_init__(self) -> None:
        if problems := [*self._problems()]:
            raise InvalidInputError.of(*problems)

    def _problems(self) -> list[Problem]:
        found = [*self._image_problems("image", self.image)]
        if self.vllm_image is not None:
            found += self._image_problems("vllm_image", self.vllm_image)
        if not _NAMESPACE.fullmatch(self.namespace):
            found.append(
                _problem(
                    "namespace",
                    self.namespace,
                    "give 1 to 63 lower-case letters, digits and '-', first and last "
                    "a letter or digit",
                )
            )
        named = [
            ("credentials", self.credentials),
            ("service_account", self.service_account),
            ("claim", self.claim),
            *(("image_pull_secrets", it) for it in self.image_pull_secrets),
        ]
        found += [
            _problem(field, name, f"give the name of an object: {_OBJECT_RULE}")
            for field, name in named
            if name is not None and not _OBJECT.fullmatch(name)
        ]
        parts = self.claim_path.split("/")
        if self.claim_path and {"", ".", ".."} & {*parts}:
            fix = "give a relative path, like 'projects/iris'"
            found.append(_problem("claim_path", self.claim_path, fix))
        if self.claim_path and self.claim is None:
            fix = "give claim, too"
            found.append(_problem("claim_path", self.claim_path, fix))
        if self.logger_url is not None and not re.fullmatch(
            r"https?://\S+", self.logger_url
        ):
            fix = "give a URL, like http://logs.default/"
            found.append(_problem("logger_url", self.logger_url, fix))
        found += [
            _problem(field, seconds, "give a positive whole number of seconds")
            for field, seconds in (
                ("startup_s", self.startup_s),
                ("drain_s", self.drain_s),
            )
            if seconds < 1
        ]
        found += [
            _problem("storage_env", name, advice)
            for name in self.storage_env
            if (advice := _advice_on_variable(name)) is not None
        ]
        found += [
            _problem("knative_flags", flag, f"give names like {INIT_CONTAINERS_FLAG}")
            for flag in self.knative_flags
            if not _FLAG.fullmatch(flag)
        ]
        return found

    def _image_problems(self, field: str, image: str) -> list[Problem]:
        if not image:
            fix = "give our image by its digest, like registry/hopsartifacts@sha256:…"
            return [Problem(pointer=f"/{field}", detail="no image is given", fix=fix)]
        if _IMAGE.fullmatch(image):
            return []
        if self.allow_image_tags and not re.search(r"\s", image):
            return []
        fix = (
            "give a digest (name@sha256: and 64 hex digits), or set allow_image_tags "
            "to run whatever the tag is then"
        )
        return [_problem(field, image, fix)]

    @property
    def has_init_containers(self) -> bool:
        """Whether pods may have an init container of ours, and volumes for it."""
        return self.mode == "Standard" or INIT_CONTAINERS_FLAG in self.knative_flags

    @classmethod
    def read(cls, path: str | Path | None = None, **changes: Any) -> Self:
        """Return the settings in a TOML file, with some of them changed.

        Args:
            path: the file, with one key for each attribute; without one, all settings
                that *changes* do not give have their defaults.
            changes: settings that replace those of the file; None keeps what it has.

        Raises:
            InvalidInputError: the file cannot be read, or a setting is not valid.
        """
        given = _document(Path(path)) if path is not None else {}
        given |= {name: it for name, it in changes.items() if it is not None}
        where = (
            f"cluster settings in {path}" if path is not None else "cluster settings"
        )
        try:
            return msgspec.convert(given, cls)
        except msgspec.ValidationError as error:
            if isinstance(error.__cause__, InvalidInputError):
                raise error.__cause__ from None
            known = ", ".join(cls.__struct_fields__)
            raise InvalidInputError(
                f"{where}: {error}; they may have {known}"
            ) from error


def _advice_on_variable(name: str) -> str | None:
    """Return what to do about a variable; None if it may be in a manifest."""
    if not _VARIABLE.fullmatch(name):
        return "give the name of a variable: letters, digits and '_'"
    if name in _FORBIDDEN_ENV:
        return "leave it out: the pods cannot have it"
    if _SECRET.search(name) and not name.endswith("_FILE"):
        return (
            "a manifest is no place for secrets: put it into a Secret, and name that "
            "in credentials"
        )
    return None


def _problem(field: str, value: object, fix: str) -> Problem:
    return Problem(pointer=f"/{field}", detail=f"{field} is {value!r}", fix=fix)


def _document(path: Path) -> dict[str, Any]:
    """Return what a TOML file contains.

    Raises:
        InvalidInputError: it cannot be read.
    """
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidInputError(
            f"cluster settings: {str(path)!r} cannot be read: {error}; give a TOML file"
        ) from error
