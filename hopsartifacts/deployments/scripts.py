"""The classes and imports of scripts, which are parsed and never run."""

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

import msgspec

from hopsartifacts.errors import InvalidScriptError
from hopsartifacts.serving.contract import SCRIPT_CLASSES, Component

_DISTRIBUTIONS = {
    "Crypto": "pycryptodome",
    "PIL": "pillow",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "fitz": "pymupdf",
    "hsfs": "hopsworks",
    "hsml": "hopsworks",
    "jwt": "pyjwt",
    "psycopg2": "psycopg2-binary",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
"""Names of distributions that differ from the name of their module."""
_IMPORT_ERRORS = {"BaseException", "Exception", "ImportError", "ModuleNotFoundError"}


class MissingImportWarning(UserWarning):
    """A saved script imports a module that is not installed here."""


class MissingModule(msgspec.Struct, frozen=True, order=True):
    """A module that a script imports and that is not installed here."""

    module: str
    script: str

    def __str__(self) -> str:
        brought = _DISTRIBUTIONS.get(self.module)
        hint = f" (pip install {brought})" if brought else ""
        return f"{self.module}{hint}, which {self.script} imports"


def missing_modules(
    scripts: Mapping[str, bytes], own: Iterable[str]
) -> list[MissingModule]:
    """Return the missing modules that *scripts* import when they are loaded, sorted.

    A script that changes ``sys.path`` is not checked.

    Args:
        scripts: source texts by name.
        own: the paths of the other files in the artifact.
    """
    beside = _modules_of(own)
    return sorted(
        MissingModule(module, name)
        for name, source in scripts.items()
        for module in set(_imported(_parsed(source, name)))
        if module not in beside and not _is_here(module)
    )


class ImportedModule(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A top-level module that a script imports when it is loaded.

    Attributes:
        is_here: whether it is installed on this machine, or among the artifact's files.
        distribution: what to install for it, if that has another name.
    """

    module: str
    is_here: bool
    distribution: str | None = None


class Outline(msgspec.Struct, frozen=True, kw_only=True):
    """What a script contains, as far as parsing it shows.

    Attributes:
        class_name: the class that would be used; null if it is imported, or missing.
        methods: the names of the class's own methods.
        imports: the modules that it needs to be loaded, sorted.
    """

    class_name: str | None = None
    methods: tuple[str, ...] = ()
    imports: tuple[ImportedModule, ...] = ()


def outline(role: Component, data: bytes, own: Iterable[str]) -> Outline:
    """Return what a script contains; it may lack what ``check_script`` demands.

    Args:
        role: the component that the script is for.
        data: its source text.
        own: the paths of the other files in the artifact.
    """
    try:
        tree = _parsed(data, "script")
    except (SyntaxError, ValueError):
        return Outline()
    beside = _modules_of(own)
    imports = tuple(
        ImportedModule(
            module=module,
            is_here=module in beside or _is_here(module),
            distribution=_DISTRIBUTIONS.get(module),
        )
        for module in sorted(set(_imported(tree)))
    )
    classes = {it.name: it for it in tree.body if isinstance(it, ast.ClassDef)}
    used = next((name for name in SCRIPT_CLASSES[role] if name in classes), None)
    if used is None:
        return Outline(imports=imports)
    methods = (
        it.name
        for it in classes[used].body
        if isinstance(it, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    return Outline(class_name=used, methods=tuple(methods), imports=imports)


def _parsed(data: bytes, name: str) -> ast.Module:
    """Return the syntax tree of a script.

    Raises:
        SyntaxError: it is not Python.
        ValueError: it is not text, or Python cannot parse it.
    """
    try:
        return ast.parse(data, filename=name)
    except (RecursionError, MemoryError) as error:
        raise ValueError("it is nested too deeply to be parsed") from error


def _modules_of(paths: Iterable[str]) -> set[str]:
    """Return the modules that the files of an artifact are."""
    return {path.partition("/")[0].removesuffix(".py") for path in paths}


def relative_import(tree: ast.Module) -> ast.ImportFrom | None:
    """Return the first relative import that runs when *tree* is loaded.

    It always fails, since a script is loaded as a module and not as part of a package.
    """
    found = [
        node
        for node in _needed(tree)
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    return min(found, key=lambda node: node.lineno, default=None)


def _is_here(module: str) -> bool:
    if module in sys.stdlib_module_names or module in sys.builtin_module_names:
        return True
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        return module in sys.modules  # a program made it; it has no file
    if spec is None:
        return False
    if spec.origin in {None, "namespace"}:
        places = list(spec.submodule_search_locations or ())
        return not places or not all(_is_beside_us(Path(place)) for place in places)
    path = Path(str(spec.origin))
    return not _is_beside_us(path.parent if path.name == "__init__.py" else path)


def _is_beside_us(place: Path) -> bool:
    """Return whether it is found only because it is in the current folder."""
    folder = place.parent.absolute()
    # The first entry is the program's folder, except in Python's safe-path mode.
    first = 0 if sys.flags.safe_path else 1
    searched = {Path(it).absolute() for it in sys.path[first:] if it}
    package = Path(__file__).parents[2].absolute()
    return folder == Path.cwd() and folder not in {*searched, package}


def _imported(tree: ast.Module) -> Iterator[str]:
    """Yield the top-level modules that must be installed to load *tree*."""
    if _changes_search(tree):
        return
    for node in _needed(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.partition(".")[0]
        elif node.module and not node.level:
            yield node.module.partition(".")[0]


def _needed(tree: ast.Module) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield the imports that must succeed to load *tree*."""
    pending: list[ast.AST] = list(tree.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif not _may_not_run(node):
            pending.extend(ast.iter_child_nodes(node))


def _may_not_run(node: ast.AST) -> bool:
    """Return whether the code in *node* may be skipped when the script is loaded."""
    if isinstance(node, ast.Try | ast.TryStar):
        return any(_catches(handler.type) for handler in node.handlers)
    if isinstance(node, ast.With):
        return any(_suppresses(item.context_expr) for item in node.items)
    # A branch may be for other machines, or for type checkers.
    return isinstance(
        node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.If | ast.Match
    )


def _catches(kind: ast.expr | None) -> bool:
    if isinstance(kind, ast.Tuple):
        return any(map(_catches, kind.elts))
    return kind is None or _last_name(kind) in _IMPORT_ERRORS


def _suppresses(expression: ast.expr) -> bool:
    return (
        isinstance(expression, ast.Call)
        and _last_name(expression.func) == "suppress"
        and any(map(_catches, expression.args))
    )


def _last_name(expression: ast.expr) -> str | None:
    if isinstance(expression, ast.Attribute):
        return expression.attr
    return expression.id if isinstance(expression, ast.Name) else None


def _changes_search(tree: ast.Module) -> bool:
    return any(
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and (node.value.id, node.attr)
        in {("sys", "path"), ("sys", "meta_path"), ("site", "addsitedir")}
        for node in ast.walk(tree)
    )


SCRIPT_SUFFIX = ".py"
"""What the name of a script ends with."""
_EXAMPLE: dict[Component, str] = {
    "predictor": "class Predictor with predict(self, inputs)",
    "transformer": "class Transformer with preprocess or postprocess",
}


def check_script(role: Component, name: str, data: bytes) -> None:
    """Refuse a script that cannot be loaded.

    Raises:
        InvalidScriptError: it is not Python, has no class of the right name, or has a
            relative import, although a script is not part of a package when it runs.
    """
    if not name.endswith(SCRIPT_SUFFIX):
        raise InvalidScriptError(
            f"{role} script {name!r} is not a .py file: save it as one"
        )
    try:
        tree = _parsed(data, name)
    except (SyntaxError, ValueError) as error:
        where = f" in line {error.lineno}" if isinstance(error, SyntaxError) else ""
        what = error.msg if isinstance(error, SyntaxError) else str(error)
        raise InvalidScriptError(
            f"{role} script {name!r} is not Python{where}: {what}"
        ) from error
    # The names of a star import are known only where its module is installed.
    if not _names(tree).intersection({*SCRIPT_CLASSES[role], "*"}):
        raise InvalidScriptError(
            f"{role} script {name!r} has no {_EXAMPLE[role]}: add it at the top level"
        )
    if (relative := relative_import(tree)) is not None:
        words = ast.unparse(relative)
        absolute = _absolute(relative)
        raise InvalidScriptError(
            f"{role} script {name!r} has {words!r} in line {relative.lineno}: a "
            f"script is not part of a package when it runs. Write {absolute!r}, and "
            "pass the module or the package in files="
        )


def _absolute(relative: ast.ImportFrom) -> str:
    if relative.module is None:
        return ast.unparse(ast.Import(names=relative.names))
    return ast.unparse(ast.ImportFrom(relative.module, relative.names, level=0))


def _names(tree: ast.Module) -> set[str]:
    """Return the names that a module may bind at its top level, also in branches."""
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
