"""The options that all commands share, and the handling of output and errors.

``@project_options`` adds ``--url``, the storage options, ``--json`` and ``--debug`` to
a command, and passes a ``Session`` as its first argument.
"""

import errno
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import click
import msgspec

from hopsartifacts import layout
from hopsartifacts.cli.phrases import in_commands
from hopsartifacts.cli.values import json_file, nested
from hopsartifacts.deployments.deployment import Deployment
from hopsartifacts.documents import encode_pretty
from hopsartifacts.errors import HopsArtifactsError
from hopsartifacts.project import URL_VARIABLE, Project, login
from hopsartifacts.registry.model import Model
from hopsartifacts.storage.contract import Storage

Function = Callable[..., Any]
Decorator = Callable[[Function], Function]

_URL_OPTION = click.option(
    "--url", envvar=URL_VARIABLE, show_envvar=True, help="The project."
)
YES = click.option("--yes", is_flag=True, help="Do not ask.")
_URL_ARGUMENT = click.argument("url", envvar=URL_VARIABLE, required=False)


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One invocation of the command line."""

    url: str | None
    storage_options: dict[str, Any]
    unsafe_single_writer: bool
    as_json: bool

    def project(self, *, may_be_new: bool = False) -> Project:
        """Open the project.

        Args:
            may_be_new: the command creates the project if none exists yet.

        Raises:
            ClickException: there is no project, and the command does not create one.
        """
        project = login(
            self.url,
            storage_options=self.storage_options or None,
            unsafe_single_writer=self.unsafe_single_writer,
        )
        if not may_be_new and not _is_there(project.storage):
            raise click.ClickException(
                f"no project at {project.url} yet: the first save creates it. If there "
                f"should be one, check --url and ${URL_VARIABLE}"
            )
        return project

    def model(self, name: str, version: int | None = None) -> Model:
        """Return a version of a model in the project, by default the latest."""
        return self.project().get_model_registry().get_model(name, version)

    def deployment(self, name: str) -> Deployment:
        """Return a deployment in the project."""
        return self.project().get_model_serving().get_deployment(name)

    def show(self, document: object, text: object) -> None:
        """Print *document* as JSON with ``--json``, otherwise print *text*."""
        if self.as_json:
            click.echo(encode_pretty(document), nl=False)
        else:
            click.echo(str(text))

    def report(self, report: Any, **sums: int) -> None:
        """Print a report, and exit with 1 if it is not ``ok``.

        *sums* are added to its JSON form.
        """
        document = {"ok": report.ok, **sums, **msgspec.to_builtins(report)}
        self.show(document, report)
        if not report.ok:
            click.get_current_context().exit(1)


def confirm(question: str, *, yes: bool) -> None:
    """Ask *question* unless *yes* is set; end the command if the answer is no."""
    if not yes:
        click.confirm(question, abort=True, err=True)


def _is_there(storage: Storage) -> bool:
    """Return whether a project exists, even if its marker does not."""
    if storage.stat(layout.MARKER) is not None:
        return True
    # The marker may have been deleted. The internal folder does not count, as the
    # doctor leaves one in places without a project.
    return any(
        storage.list(folder)
        for folder in (layout.MODELS, layout.DEPLOYMENTS, layout.RESOURCES)
    )


def _options(url: Decorator, function: Function) -> Function:
    @url
    @click.option(
        "--storage-option",
        "pairs",
        multiple=True,
        metavar="KEY=VALUE",
        help="An option of fsspec's file system, like key=… or "
        "client_kwargs.endpoint_url=…; the value may be JSON. May be repeated.",
    )
    @click.option(
        "--storage-options-file",
        "options_file",
        type=json_file,
        metavar="FILE",
        help="The same options as an object in a JSON file, which keeps secrets out of "
        "the command line.",
    )
    @click.option(
        "--unsafe-single-writer",
        is_flag=True,
        help="Use a file system that cannot arbitrate between two writers; make sure "
        "that there is only one at a time.",
    )
    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    @click.option("--debug", is_flag=True, help="Show the traceback of an error.")
    @wraps(function)
    def run(
        *,
        url: str | None,
        pairs: tuple[str, ...],
        options_file: Any,
        unsafe_single_writer: bool,
        as_json: bool,
        debug: bool,
        **settings: Any,
    ) -> None:
        if options_file is not None and not isinstance(options_file, dict):
            raise click.UsageError("--storage-options-file must contain a JSON object")
        options = nested(pairs, options_file or {})
        session = Session(
            url=url,
            storage_options=options,
            unsafe_single_writer=unsafe_single_writer,
            as_json=as_json,
        )
        with _told(debug=debug):
            _check_text(url, pairs, *settings.values())
            function(session, **settings)

    return run


def _check_text(*given: object) -> None:
    """Refuse arguments that can be neither printed nor stored.

    Raises:
        UsageError: one has bytes that are not UTF-8.
    """
    for it in given:
        if isinstance(it, tuple):
            _check_text(*it)
        elif isinstance(it, str | Path):
            try:
                str(it).encode()
            except UnicodeEncodeError as error:
                raise click.UsageError(
                    f"{str(it)!r} is not valid UTF-8: give another name, or rename "
                    "the file"
                ) from error


def limit_option(counted: str) -> Callable[[Function], Function]:
    """Return the option that limits a list, with the word for what is *counted*."""
    return click.option(
        "--limit",
        type=click.IntRange(min=1),
        default=20,
        show_default=True,
        help=f"Number of {counted}.",
    )


def project_options(function: Function) -> Function:
    """Add the shared options to a command, and pass it a ``Session`` first."""
    return _options(_URL_OPTION, function)


def project_argument(function: Function) -> Function:
    """Do the same as ``project_options``, but with the URL as an argument."""
    return _options(_URL_ARGUMENT, function)


@contextmanager
def _told(*, debug: bool) -> Iterator[None]:
    """Turn errors and warnings into messages; with *debug*, do not catch them."""
    try:
        with warnings.catch_warnings():
            if not debug:
                warnings.showwarning = _warned
            yield
    except (click.ClickException, click.Abort, click.exceptions.Exit):
        raise
    except Exception as error:
        # click handles a closed pipe without a message.
        if debug or getattr(error, "errno", None) == errno.EPIPE:
            raise
        if isinstance(error, HopsArtifactsError):
            said = [str(error), *map(str, error.problems[1:])]
            raise click.ClickException(in_commands("\n".join(said))) from error
        raise click.ClickException(
            f"unexpected {type(error).__name__}: {error} (--debug shows the traceback)"
        ) from error


def _warned(message: Warning | str, *_: Any, **__: Any) -> None:
    """Print a warning without the line of Python code that caused it."""
    click.echo(f"Warning: {in_commands(str(message))}", err=True)
