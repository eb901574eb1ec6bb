"""Names that a pickle should not import, as they do more than build a value."""

COMPUTED = "(a name that is computed)"
"""Stands for an import whose name is only known when the pickle is loaded."""
_BUILTINS = frozenset({"builtins", "__builtin__"})
_MODULES = frozenset(
    (
        "_io",
        "_pickle",
        "_posixsubprocess",
        "_pyio",
        "_socket",
        "asyncio",
        "bdb",
        "cProfile",
        "cffi",
        "code",
        "codeop",
        "commands",
        "ctypes",
        "distutils",
        "doctest",
        "ensurepip",
        "ftplib",
        "http",
        "imaplib",
        "importlib",
        "io",
        "multiprocessing",
        "nt",
        "os",
        "pathlib",
        "pdb",
        "pickle",
        "pip",
        "pkgutil",
        "platform",
        "posix",
        "profile",
        "pty",
        "pydoc",
        "requests",
        "runpy",
        "shutil",
        "signal",
        "smtplib",
        "socket",
        "ssl",
        "subprocess",
        "sys",
        "tempfile",
        "timeit",
        "trace",
        "types",
        "urllib",
        "venv",
        "webbrowser",
        "zipimport",
    )
)
"""Modules whose functions run commands or code, or reach files or the network."""
_FUNCTIONS = frozenset(
    (
        "__import__",
        "apply",
        "breakpoint",
        "compile",
        "delattr",
        "eval",
        "exec",
        "execfile",
        "file",
        "getattr",
        "globals",
        "input",
        "locals",
        "open",
        "setattr",
        "vars",
    )
)
"""Built-in functions of that kind."""
_GETTERS = frozenset(
    f"{module}.{name}"
    for module in ("operator", "_operator")
    for name in ("attrgetter", "methodcaller")
)
"""What does the same as the built-in ``getattr``."""
_BEHIND = frozenset(
    (
        *_BUILTINS,
        "ctypes",
        "importlib",
        "nt",
        "os",
        "posix",
        "pty",
        "runpy",
        "shutil",
        "socket",
        "subprocess",
        "sys",
    )
)
"""Such modules as attributes of others, which imported them: ``logging.os.system``."""


def is_dangerous(name: str) -> bool:
    """Return whether *name* can run commands or code, or reach files or the network."""
    top, *behind = name.split(".")
    if top in _BUILTINS:
        return not _FUNCTIONS.isdisjoint(behind)
    is_known = name == COMPUTED or name in _GETTERS
    return is_known or top in _MODULES or not _BEHIND.isdisjoint(behind)
