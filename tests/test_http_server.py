"""One module knows uvicorn's internals; all others use what that module offers."""

import ast
from pathlib import Path

import pytest

import hopsartifacts

PACKAGE = Path(hopsartifacts.__file__).parent
KNOWS = PACKAGE / "serving/http_server.py"
INTERNALS = {
    "_cycle",
    "cycle",
    "default_headers",
    "http_protocol_class",
    "limit_concurrency",
    "on_headers_complete",
    "on_message_begin",
    "on_message_complete",
    "on_response_complete",
    "pipeline",
    "server_state",
    "servers",
    "timeout_keep_alive_task",
    "total_requests",
}
"""Names of the parts of uvicorn's servers and connections that we build on."""
PARSERS = {"on_headers_complete", "on_message_begin", "on_message_complete"}
"""Those that the parser of httptools calls, in any module that uses it by itself."""
OTHERS = [path for path in sorted(PACKAGE.rglob("*.py")) if path != KNOWS]


def named(tree: ast.AST) -> set[str]:
    """Return the attributes that are used or defined."""
    used = {it.attr for it in ast.walk(tree) if isinstance(it, ast.Attribute)}
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return used | {it.name for it in ast.walk(tree) if isinstance(it, functions)}


def internals(tree: ast.AST) -> set[str]:
    """Return the names that a module may not use."""
    return INTERNALS - PARSERS if "httptools" in imported(tree) else INTERNALS


def imported(tree: ast.AST) -> set[str]:
    """Return the top-level packages that are imported."""
    found: set[str] = set()
    for it in ast.walk(tree):
        if isinstance(it, ast.Import):
            found |= {name.name.partition(".")[0] for name in it.names}
        elif isinstance(it, ast.ImportFrom) and it.module:
            found.add(it.module.partition(".")[0])
    return found


def test_only_one_module_imports_uvicorn() -> None:
    pytest.importorskip("uvicorn", reason="needs the extra serving")
    trees = {path: ast.parse(path.read_text()) for path in OTHERS}
    assert [path for path, tree in trees.items() if "uvicorn" in imported(tree)] == []
    server = {path for path in trees if path.is_relative_to(PACKAGE / "rest")}
    server |= {path for path in trees if path.is_relative_to(PACKAGE / "serving")}
    assert {path: named(trees[path]) & internals(trees[path]) for path in server} == {
        key: set() for key in server
    }


def test_what_is_listed_as_internal_is_used() -> None:
    tree = ast.parse(KNOWS.read_text())
    assert "uvicorn" in imported(tree)
    assert named(tree) >= INTERNALS
