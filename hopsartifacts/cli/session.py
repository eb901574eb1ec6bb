"""What all commands share: which project, in which form to answer, how errors are told.

``@project_options`` gives a command ``--url``, the storage options, ``--json`` and
``--debug``, and passes it a ``Session`` first.
"""

import errno
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import click
import msgspec

from hopsartifacts import layout
from hopsartifacts.cli.values import json_file, nested
from hopsartifacts.cli.wording import in_commands
from hopsartifacts.documents import encode_pretty
from hopsartifacts.errors import HopsArtifactsError
from hopsartifacts.project import URL_VARIABLE, Project, login
from hopsartifacts.storage.contract import Storage

Function = Callable[..., Any]
Decorator = Callable[[Function], Function]

_URL_OPTION = click.option(
    "--url", envvar=URL_VARIABLE, show_envvar=True, help="The project."
)
_URL_ARGUMENT = click.argument("url", envvar=URL_VARIABLE, required=False)


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One call of the command line."""

    url: str | None
    storage_options: dict[str, Any]
    unsafe_single_writer: bool
    as_json: bool

    def project(self, *, may_be_new: bool = False) -> Project:
        """Open the project.

        Args:
            may_be_new: the command makes the project if there is none yet.

        Raises:
            ClickException: there is no project, and the command does not make one.
        """
        project = login(
            self.url,
            storage_options=self.storage_options or None,
            unsafe_single_writer=self.unsafe_single_writer,
        )
        if not may_be_new and not _is_there(project.storage):
            raise click.ClickException(
                f"no project at {project.url} yet: the first save makes it. If there "
                f"should be one, check --url and ${URL_VARIABLE}"
            )
        return project

    def show(self, document: object, text: object) -> None:
        """Print *document* as JSON if that was asked for, else *text*."""
        if self.as_json:
            click.echo(encode_pretty(document), nl=False)
        else:
            click.echo(str(text))

    def report(self, report: Any, **sums: int) -> None:
        """Print a report that is ``ok`` or not, and exit with 0 or 1 accordingly.

        *sums* are added to its JSON form.
        """
        document = {"ok": report.ok, **sums, **msgspec.to_builtins(report)}
        self.show(document, report)
        if not report.ok:
            click.get_current_context().exit(1)


def _is_there(storage: Storage) -> bool:
    """Tell whether anything of a project is there, also without its marker."""
    if storage.stat(layout.MARKER) is not None:
        return True
    # Someone may have deleted the marker. The doctor leaves a folder of ours in a
    # place that is no project.
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
        help="What fsspec's file system takes, like key=… or "
        "client_kwargs.endpoint_url=…; the value may be JSON. May be repeated.",
    )
    @click.option(
        "--storage-options-file",
        "options_file",
        type=json_file,
        metavar="FILE",
        help="The same as an object in a JSON file, where secrets do not show.",
    )
    @click.option(
        "--unsafe-single-writer",
        is_flag=True,
        help="Use a file system that cannot tell two writers apart; see to it that "
        "there is only one at a time.",
    )
    @click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
    @click.option("--debug", is_flag=True, help="Show where an error comes from.")
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
            raise click.UsageError("--storage-options-file has to hold a JSON object")
        options = nested(pairs, options_file or {})
        session = Session(
            url=url,
            storage_options=options,
            unsafe_single_writer=unsafe_single_writer,
            as_json=as_json,
        )
        with _told(debug=debug):
            function(session, **settings)

    return run


def project_options(function: Function) -> Function:
    """Give a command the options that all share, and call it with a ``Session``."""
    return _options(_URL_OPTION, function)


def project_argument(function: Function) -> Function:
    """Do the same for a command about the whole project: its URL is an argument."""
    return _options(_URL_ARGUMENT, function)


@contextmanager
def _told(*, debug: bool) -> Iterator[None]:
    """Turn errors and warnings into messages; with *debug* let them through."""
    try:
        with warnings.catch_warnings():
            if not debug:
                warnings.showwarning = _warned
            yield
    except (click.ClickException, click.Abort, click.exceptions.Exit):
        raise
    except Exception as error:
        # A closed pipe is not worth a message; click knows how to end there.
        if debug or getattr(error, "errno", None) == errno.EPIPE:
            raise
        if isinstance(error, HopsArtifactsError):
            raise click.ClickException(in_commands(str(error))) from error
        raise click.ClickException(
            f"unexpected {type(error).__name__}: {error} (--debug shows where)"
        ) from error


def _warned(message: Warning | str, *_: Any, **__: Any) -> None:
    """Print a warning without the line of Python code that it is about."""
    click.echo(f"Warning: {in_commands(str(message))}", err=True)
