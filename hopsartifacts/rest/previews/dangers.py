"""Names that a pickle should not import, as they do more than build a value."""

COMPUTED = "(a name that is computed)"
"""Stands for an import whose name is only known when the pickle is loaded."""
_BUILTINS = frozenset({"builtins", "__builtin__"})
_MODULES = frozenset(
    (
        "asyncio",
        "bdb",
        "cffi",
        "code",
        "codeop",
        "commands",
        "ctypes",
        "distutils",
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
        "pip",
        "pkgutil",
        "platform",
        "posix",
        "pty",
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


def is_dangerous(name: str) -> bool:
    """Return whether *name* can run commands or code, or reach files or the network."""
    module, _, attribute = name.rpartition(".")
    top = module.partition(".")[0]
    if top in _BUILTINS:
        return attribute in _FUNCTIONS
    return name == COMPUTED or top in _MODULES
