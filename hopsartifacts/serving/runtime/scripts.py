"""Import of a script file and creation of an object of its class."""

import importlib.util
import inspect
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from hopsartifacts.errors import InvalidScriptError
from hopsartifacts.serving.contract import SCRIPT_CLASSES, Component


def module_of(component: Component) -> str:
    """Return the module name for the script of *component*.

    The script's file name has a prefix with a hyphen, which a module name cannot have.
    Pickled objects name their module, so the name is the same in every process.
    """
    return f"{component}_script"


def import_script(path: Path, component: Component) -> ModuleType:
    """Run the script as module ``module_of(component)`` and return the module.

    Raises:
        InvalidScriptError: its name does not end in ``.py``.
    """
    name = module_of(component)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InvalidScriptError(
            f"{path.name} is not a Python file; save the script as .py"
        )
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def find_class(module: ModuleType, component: Component) -> type:
    """Return the class that the script offers, either defined there or imported.

    A class defined in the script takes precedence over an imported one, since scripts
    import library classes that happen to be called ``Predictor``. Otherwise
    ``Predictor`` takes precedence over ``Predict``.
    """
    names = SCRIPT_CLASSES[component]
    offered = [(name, getattr(module, name)) for name in names if hasattr(module, name)]
    if not offered:
        wanted = " or ".join(f"class {name}" for name in names)
        raise InvalidScriptError(f"the script has no {wanted}")
    offered.sort(key=lambda pair: _module_of(pair[1]) != module.__name__)
    name, found = offered[0]
    if not isinstance(found, type):
        raise InvalidScriptError(f"{name} in the script is not a class: {found!r}")
    if component == "predictor" and not callable(getattr(found, "predict", None)):
        raise InvalidScriptError(f"class {name} has no method predict")
    return found


def create_object(cls: type, injectable: Mapping[str, object]) -> object:
    """Create the object, passing the injectable values that its constructor names."""
    try:
        parameters = inspect.signature(cls).parameters.values()
    except ValueError:
        # Some classes in C have no signature, so they cannot name our values.
        return cls()
    given: dict[str, object] = {}
    for parameter in parameters:
        if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
            continue
        by_name = parameter.kind is not parameter.POSITIONAL_ONLY
        if by_name and parameter.name in injectable:
            given[parameter.name] = injectable[parameter.name]
        elif parameter.default is parameter.empty:
            raise InvalidScriptError(
                f"the constructor of {cls.__name__} requires {parameter.name!r}; "
                f"only these are passed, by name: {', '.join(sorted(injectable))}"
            )
    return cls(**given)


def _module_of(found: object) -> str | None:
    return getattr(found, "__module__", None)
