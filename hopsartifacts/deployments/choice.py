"""Which artifact a predictor will have: files given or kept, and what was asked for."""

from collections.abc import Iterable, Iterator
from os import PathLike

from hopsartifacts.artifacts.documents import (
    ArtifactSource,
    ArtifactVersion,
    Asked,
    checked_asked,
)
from hopsartifacts.artifacts.versions import ArtifactStore
from hopsartifacts.deployments.documents import Specification
from hopsartifacts.deployments.given import (
    File,
    Kept,
    New,
    base_name,
    given,
    given_lock,
    sources_of,
)
from hopsartifacts.layout import Role
from hopsartifacts.storage.contract import Storage

Path = str | PathLike[str] | None


class ArtifactChoice:
    """The files of an artifact before it is saved, and the version asked for.

    After a save the files are *kept*: they come from the sealed artifact, wherever
    the user's own have gone. Setting any file asks anew for a version.
    """

    def __init__(self, asked: object = None) -> None:
        self._asked = checked_asked(asked)
        self._is_kept = False
        self._single: dict[Role, File] = {}
        self._files: tuple[File, ...] = ()

    def copy(self) -> "ArtifactChoice":
        """Return the same choice, to be changed on its own."""
        twin = ArtifactChoice(self._asked)
        twin._is_kept = self._is_kept
        twin._single = dict(self._single)
        twin._files = self._files
        return twin

    @property
    def asked(self) -> Asked:
        """What was asked for; after a save the number."""
        return self._asked

    @property
    def is_kept(self) -> bool:
        """Whether the number is that of the last save, and nothing was set since."""
        return self._is_kept

    def ask(self, asked: object) -> None:
        """Ask for a version: a number, a word, or None for the default."""
        self._asked = checked_asked(asked)
        self._is_kept = False

    def ask_anew(self) -> None:
        """Forget a number, because something it depends on changed."""
        if isinstance(self._asked, int):
            self._asked = None
        self._is_kept = False

    def put(self, role: Role, path: Path) -> None:
        """Set the file of a role; None removes it."""
        self._put(role, given(path))

    def put_lock(self, lock: Path) -> None:
        """Set the environment lock, a path or its text; None removes it."""
        self._put("environment", given_lock(lock))

    def put_files(self, paths: Path | Iterable[Path]) -> None:
        """Set the additional files, one or several."""
        several = [paths] if isinstance(paths, str | PathLike) else paths or ()
        self._files = tuple(file for path in several if (file := given(path)))
        self.ask_anew()

    def shown(self, role: Role) -> str | None:
        """Return the path as given, the base name once saved, None if there is none."""
        file = self._single.get(role)
        return file.path if isinstance(file, New) else base_name(file, role)

    def shown_files(self) -> tuple[str, ...]:
        """Return the additional files' paths."""
        return tuple(file.path for file in self._files)

    def keep(self, specification: Specification, artifact: ArtifactVersion) -> None:
        """Hold what was sealed."""
        pin, number = specification.model, specification.artifact.version
        kept = [
            (file.role, Kept(pin.name, pin.version, number, file.path))
            for file in artifact.files
        ]
        self._single = {role: file for role, file in kept if role != "file"}
        self._files = tuple(file for role, file in kept if role == "file")
        self._asked = number
        self._is_kept = True

    def sources(self, storage: Storage, project: str) -> tuple[ArtifactSource, ...]:
        """Return the files to store; none if a sealed version is used as it is.

        Raises:
            InvalidScriptError: a script is missing, not Python, or lacks its class.
        """
        if self._uses_sealed():
            return ()
        return tuple(
            source
            for role, file in self._all()
            for source in sources_of(storage, project, role, file)
        )

    def roles(self, store: ArtifactStore) -> set[Role]:
        """Return the roles that will have a file.

        Raises:
            ArtifactNotFoundError: the number asked for does not exist.
        """
        if self._uses_sealed() and isinstance(self._asked, int):
            return {file.role for file in store.get(self._asked).files}
        return {role for role, _ in self._all()}

    def _put(self, role: Role, file: File | None) -> None:
        self._single.pop(role, None)
        if file:
            self._single[role] = file
        self.ask_anew()

    def _uses_sealed(self) -> bool:
        new = any(isinstance(file, New) for _, file in self._all())
        return isinstance(self._asked, int) and not new

    def _all(self) -> Iterator[tuple[Role, File]]:
        yield from sorted(self._single.items())
        for file in self._files:
            yield "file", file
