"""Scripts before they are stored: parsed, never run."""

import ast

from hopsartifacts.deployments.imports import relative_import
from hopsartifacts.errors import InvalidScriptError
from hopsartifacts.serving.contract import SCRIPT_CLASSES, Component

_EXAMPLE: dict[Component, str] = {
    "predictor": "class Predictor with predict(self, inputs)",
    "transformer": "class Transformer with preprocess or postprocess",
}


def check_script(role: Component, name: str, data: bytes) -> None:
    """Refuse a script that no runtime could load.

    Raises:
        InvalidScriptError: it is not Python, has no class of the right name, or imports
            from a package around it, which it does not have when it runs.
    """
    if not name.endswith(".py"):
        raise InvalidScriptError(
            f"{role} script {name!r} is not a .py file: save it as one"
        )
    try:
        tree = ast.parse(data, filename=name)
    except (SyntaxError, ValueError) as error:
        where = f" in line {error.lineno}" if isinstance(error, SyntaxError) else ""
        what = error.msg if isinstance(error, SyntaxError) else str(error)
        raise InvalidScriptError(
            f"{role} script {name!r} is not Python{where}: {what}"
        ) from error
    # What a star import brings is only known where its module is.
    if not _names(tree).intersection({*SCRIPT_CLASSES[role], "*"}):
        raise InvalidScriptError(
            f"{role} script {name!r} has no {_EXAMPLE[role]}: add it at the top level"
        )
    if (relative := relative_import(tree)) is not None:
        words = ast.unparse(relative)
        absolute = _absolute(relative)
        raise InvalidScriptError(
            f"{role} script {name!r} says {words!r} in line {relative.lineno}: a "
            f"script is not part of a package when it runs. Write {absolute!r}, and "
            "pass the module or the package in files="
        )


def _absolute(relative: ast.ImportFrom) -> str:
    if relative.module is None:
        return ast.unparse(ast.Import(names=relative.names))
    return ast.unparse(ast.ImportFrom(relative.module, relative.names, level=0))


def _names(tree: ast.Module) -> set[str]:
    """Return the names a module may bind at its top level, in branches too."""
    names: set[str] = set()
    pending: list[ast.AST] = list(tree.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            names.update(alias.asname or alias.name for alias in node.names)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        pending.extend(ast.iter_child_nodes(node))
    return names
