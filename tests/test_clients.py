"""What is used of the clients beyond their documentation is in one module each."""

import ast
from pathlib import Path

import pytest

import hopsartifacts.storage

MODULES = sorted(Path(hopsartifacts.storage.__path__[0]).glob("*.py"))
HOOKS = {
    "s3_client.py": ("s3fs", "botocore", "aiobotocore"),
    "gcs.py": ("gcsfs",),
    "azure.py": ("adlfs", "azure"),
    "sftp.py": ("paramiko",),
    "hdfs.py": ("hdfs_native",),
}
DOCUMENTED = {"s3fs"}
"""What may be imported elsewhere."""
OWN = {"self", "cls", "upload"}


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_clients_are_imported_in_their_own_modules(module: Path) -> None:
    others = {it for name, them in HOOKS.items() if name != module.name for it in them}
    tree = ast.parse(module.read_text())
    found = {
        name
        for node in ast.walk(tree)
        for name in _imported(node)
        if name.partition(".")[0] in others and name not in DOCUMENTED
    }

    assert found == set()


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_what_is_private_is_touched_in_their_own_modules(module: Path) -> None:
    if module.name in HOOKS:
        return
    touched = {
        f"{ast.unparse(node)}"
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.Attribute)
        and node.attr.startswith("_")
        and not node.attr.startswith("__")
        and not (isinstance(node.value, ast.Name) and node.value.id in OWN)
    }

    # fsspec's documented hook for implementers.
    assert touched <= {"filesystem._strip_protocol"}


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []
