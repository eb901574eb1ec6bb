"""The versions of a deployment as users hold them: list, compare, go back, give up."""

from hopsartifacts.deployments.changing import activate_version, delete_version
from hopsartifacts.deployments.difference import (
    DeploymentDifference,
    compare_specifications,
)
from hopsartifacts.deployments.held import AWAIT_S, UP, Held
from hopsartifacts.deployments.history import (
    Activation,
    DeploymentSnapshot,
    activations,
    snapshots_of,
)
from hopsartifacts.deployments.predictor import sealed_predictor
from hopsartifacts.deployments.versions import pick_version
from hopsartifacts.errors import InUseError, InvalidInputError
from hopsartifacts.names import version_number
from hopsartifacts.registry.given import checked_reason


class Versioned(Held):
    """What can be done with the versions of a saved deployment."""

    def get_versions(self) -> list[DeploymentSnapshot]:
        """Return all versions, newest first.

        Raises:
            DeploymentNotFoundError: it was not saved, or was deleted.
        """
        return snapshots_of(self._fresh())

    def get_history(self) -> list[Activation]:
        """Return which version was made the active one when, by whom and why.

        Newest first. Versions that were deleted since are named, too.

        Raises:
            DeploymentNotFoundError: it was not saved, or was deleted.
        """
        self._fresh()
        return activations(self._context.storage, self.name)

    def diff(
        self,
        first: int | DeploymentSnapshot,
        second: int | DeploymentSnapshot | None = None,
    ) -> DeploymentDifference:
        """Return what of *second* differs from *first*: settings, and lines of files.

        Args:
            first: a version.
            second: another one; by default the active one.

        Raises:
            DeploymentNotFoundError: there is no such version.
        """
        state = self._fresh()
        before = self._number(first)
        after = state.active if second is None else self._number(second)
        return compare_specifications(
            self._context.storage,
            pick_version(state, before).specification,
            pick_version(state, after).specification,
        )

    def rollback(
        self,
        version: int | DeploymentSnapshot,
        await_update: int = AWAIT_S,
        *,
        why: str = "",
        ignore_environment: bool = False,
    ) -> None:
        """Make an earlier (or later) version the active one again; nothing is copied.

        A running deployment is moved to it, as by ``save``. Nothing happens if it is
        the active one. Settings that were changed here and not saved are dropped.

        Args:
            version: its number, or one of ``get_versions()``.
            await_update: seconds to wait until a running deployment runs again.
            why: a word for those who read the history.
            ignore_environment: see ``start``.

        Raises:
            DeploymentNotFoundError: there is no such version, or no deployment.
            DeploymentFailedError: it does not start (it is the active one all the
                same).
        """
        reason = checked_reason(why)
        number, known = self._number(version), self._fresh()
        sealed = pick_version(known, number)
        # Read first: once it is committed, nothing may fail that says otherwise.
        predictor = sealed_predictor(self._context, sealed.specification)
        self._state = activate_version(
            self._context.storage, self.name, number, known_id=known.id, why=reason
        )
        self.predictor, self._decision = predictor, None
        if known.active != self._state.active:
            self._follow(await_update, ignore_environment=ignore_environment)

    def delete_version(self, version: int | DeploymentSnapshot) -> None:
        """Give an old version up for good; its number is never given again.

        The model and artifact version that it pins can be deleted then, if nothing
        else needs them.

        Raises:
            DeploymentNotFoundError: there is no such version, or no deployment.
            InUseError: it is the active one, or still runs.
        """
        number, known = self._number(version), self._fresh()
        pick_version(known, number)
        state = self._run_state()
        if state.status in UP and state.deployment_version == number:
            raise InUseError(
                f"version {number} of deployment {self.name!r} is running: move it to "
                "the active version with restart(), or stop it, first"
            )
        self._state = delete_version(
            self._context.storage, self.name, number, known_id=known.id
        )

    def _number(self, version: int | DeploymentSnapshot) -> int:
        if not isinstance(version, DeploymentSnapshot):
            return version_number(version)
        if version.deployment != self.name:
            raise InvalidInputError(
                f"{version!r} is not a version of deployment {self.name!r}: give one "
                "of its get_versions()"
            )
        return version.version
