"""The commands ``hopsartifacts files``, for the user's own files."""

import click

from hopsartifacts.cli.session import YES, Session, confirm, project_options

PATH = click.argument("path")
OVERWRITE = click.option("--overwrite", is_flag=True, help="Replace existing files.")


@click.group("files")
def command() -> None:
    """List, copy and delete your own files; managed folders can only be read."""


@command.command("list")
@click.argument("path", default="")
@project_options
def list_files(session: Session, path: str) -> None:
    """List the files and folders in a folder of the project."""
    found = session.project().get_dataset_api().list(path)
    session.show(found, "\n".join(found))


@command.command()
@click.argument("local_path")
@click.option("--to", default="Resources", show_default=True, help="Target folder.")
@OVERWRITE
@project_options
def upload(session: Session, local_path: str, to: str, *, overwrite: bool) -> None:
    """Copy a file or folder into a folder of the project."""
    api = session.project(may_be_new=True).get_dataset_api()
    path = api.upload(local_path, to, overwrite=overwrite)
    session.show({"path": path}, path)


@command.command()
@PATH
@click.option("--to", help="Target; by default the working directory.")
@OVERWRITE
@project_options
def download(session: Session, path: str, to: str | None, *, overwrite: bool) -> None:
    """Copy one file to this machine."""
    api = session.project().get_dataset_api()
    target = api.download(path, to, overwrite=overwrite)
    session.show({"path": target}, target)


@command.command()
@PATH
@YES
@project_options
def remove(session: Session, path: str, *, yes: bool) -> None:
    """Delete a file or folder of your own."""
    api = session.project().get_dataset_api()
    confirm(f"Delete {path}?", yes=yes)
    api.remove(path)
    session.show({"path": path}, f"Deleted {path}")
