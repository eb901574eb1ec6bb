"""The model registry."""

from __future__ import annotations

import contextlib
import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from common import (
    CHECKS_MODEL_NAMES,
    GETS_ONE_TAG,
    PROJECT,
    SENDS_EMPTY_FILES,
    contents,
    folder,
    missing,
    refused,
)
from hopsworks_common.client.exceptions import ModelRegistryException, RestAPIError
from hsml.model_schema import ModelSchema
from hsml.schema import Schema

FRAMEWORKS = ("tensorflow", "torch", "python", "sklearn", "llm")
MIB = 1024 * 1024
NAMES = (
    "a b.txt",
    "50%.txt",
    "a%2Fb.txt",
    "é+&=;,.txt",
    'it\'s "quoted".txt',
    "日本.txt",
    ".hidden",
    "deep/er/a:b~(1).txt",
)


def every_framework(project: Any) -> None:
    """All at once: each save waits five seconds for nothing."""
    registry = project.get_model_registry()

    def save(framework: str) -> Any:
        name = f"frame_{framework}"
        files = {"model.bin": framework, "sub/weights": os.urandom(100)}
        creator = getattr(registry, framework)
        model = creator.create_model(name, metrics={"acc": 0.5, "F1 score": 1})
        saved = model.save(folder(f"frame-{framework}", files))
        assert saved.name == name
        assert saved.version == 1
        assert saved.framework == framework.upper(), saved.framework
        assert saved.training_metrics["acc"] == 0.5
        assert saved.description == f"A collection of models for {name}"
        assert saved.created
        assert saved.creator
        assert saved.id
        assert saved.project_name == PROJECT
        found = registry.get_model(name, 1)
        assert type(found) is type(saved)
        assert found.id == saved.id
        return found

    with ThreadPoolExecutor(5) as workers:
        models = list(workers.map(save, FRAMEWORKS))
    assert len({it.id for it in models}) == 5


def everything_in_one_model(project: Any) -> None:
    registry = project.get_model_registry()
    files: dict[str, str | bytes] = {name: f"content of {name}" for name in NAMES}
    files["large.bin"] = os.urandom(2 * MIB + 11)
    files["zeros.bin"] = bytes(MIB)
    if SENDS_EMPTY_FILES:
        files |= {"empty.txt": b"", "deep/__init__.py": b""}
    place = folder("whole", files)
    frame = pd.DataFrame({"sepal": [5.1, 4.9], "petal": [1, 2]})
    schema = ModelSchema(Schema(frame), Schema(np.array([0.5])))
    model = registry.python.create_model(
        "whole",
        metrics={"acc": 0.75, "rmse": "0.25", "n": 3},
        description="Everything at once",
        input_example=frame,
        model_schema=schema,
    )
    chunk_size = 1 if _sizes_are_megabytes() else MIB
    model.save(place, upload_configuration={"chunk_size": chunk_size})
    found = registry.get_model("whole", 1)
    assert found.description == "Everything at once"
    metrics = {name: float(it) for name, it in found.training_metrics.items()}
    assert metrics == {"acc": 0.75, "rmse": 0.25, "n": 3}, metrics
    back = contents(found.download())
    expected = contents(place)
    assert set(back) == set(expected), set(back) ^ set(expected)
    assert back == expected
    assert found.input_example == [5.1, 1.0], found.input_example
    columns = found.model_schema["input_schema"]["columnar_schema"]
    assert [it["name"] for it in columns] == ["sepal", "petal"], columns
    assert not Path("input_example.json").exists()
    assert found.model_path == f"/Projects/{PROJECT}/Models/whole"


def empty_files_are_never_lost(project: Any) -> None:
    """Releases that send nothing for an empty file are told, and nothing is saved."""
    registry = project.get_model_registry()
    place = folder("hollow", {"model.bin": "m", "sub/__init__.py": b""})
    model = registry.python.create_model("hollow")
    if SENDS_EMPTY_FILES:
        model.save(place)
        assert contents(registry.get_model("hollow", 1).download()) == contents(place)
        return
    with refused(says="__init__.py"):
        model.save(place)
    assert missing(lambda: registry.get_model("hollow", 1))
    assert registry.get_models("hollow") == []
    Path(place, "sub", "__init__.py").write_text("# not empty\n")
    saved = registry.python.create_model("hollow").save(place)
    assert contents(saved.download()) == contents(place)


def a_single_file(project: Any) -> None:
    registry = project.get_model_registry()
    place = folder("single", {"model.pkl": "pickled"})
    registry.python.create_model("single").save(f"{place}/model.pkl")
    back = contents(registry.get_model("single", 1).download())
    assert back == {"model.pkl": b"pickled"}


def files_that_lie_in_the_project(project: Any) -> None:
    """Taken into the version; what is called a move leaves the user's files alone."""
    files, registry = project.get_dataset_api(), project.get_model_registry()
    place = folder("remote", {"model.bin": "remote"})
    files.mkdir("Resources/trained")
    files.mkdir("Resources/trained/sub")
    files.upload(f"{place}/model.bin", "Resources/trained")
    files.upload(f"{place}/model.bin", "Resources/trained/sub")
    expected = {"model.bin": b"remote", "sub/model.bin": b"remote"}
    model = registry.python.create_model("remote")
    model.save("Resources/trained", keep_original_files=True)
    assert contents(registry.get_model("remote", 1).download()) == expected
    assert files.exists("Resources/trained/model.bin")
    model = registry.python.create_model("remote")
    model.save(f"/Projects/{PROJECT}/Resources/trained")
    assert contents(registry.get_model("remote", 2).download()) == expected


def versions(project: Any) -> None:
    registry = project.get_model_registry()

    def save(version: int | None, score: float) -> Any:
        model = registry.python.create_model(
            "counted", version=version, metrics={"score": score, "valLoss": -score}
        )
        return model.save(folder("counted", {"model.bin": str(score)}))

    assert save(None, 0.5).version == 1
    assert save(None, 0.9).version == 2
    with refused(ModelRegistryException, says="exists"):
        save(2, 0.1)
    assert save(7, 0.7).version == 7
    assert save(None, 0.2).version == 8
    assert [it.version for it in registry.get_models("counted")] == [1, 2, 7, 8]
    assert registry.get_best_model("counted", "score", "max").version == 2
    assert registry.get_best_model("counted", "score", "MIN").version == 8
    # The client changes such names in what it reads, not in what it asks.
    assert registry.get_best_model("counted", "valLoss", "min").version == 2
    assert registry.get_best_model("counted", "nothing", "max") is None
    with refused():
        registry.get_best_model("counted", "score", "sideways")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert registry.get_model("counted").version == 1
    assert any("version" in str(it.message).lower() for it in caught)
    assert contents(registry.get_model("counted", 7).download()) == {
        "model.bin": b"0.7"
    }


def what_is_not_there(project: Any) -> None:
    registry = project.get_model_registry()
    assert missing(lambda: registry.get_model("counted", 99))
    assert missing(lambda: registry.get_model("nothing", 1))
    assert registry.get_models("nothing") == []
    assert registry.get_best_model("nothing", "acc", "max") is None


def tags(project: Any) -> None:
    registry = project.get_model_registry()
    model = registry.get_model("counted", 1)
    add = getattr(model, "add_tag", model.set_tag)
    values = {
        "text": "ä",
        "number": 1.5,
        "list": [1, "two"],
        "object": {"a": {"b": None}},
        "a.b-c_1": "odd",
    }
    assert model.get_tags() == {}
    for name, value in values.items():
        add(name, value)
    assert model.get_tags() == values, model.get_tags()
    for name, value in values.items():
        assert not GETS_ONE_TAG or model.get_tag(name) == value
    with refused(status=400):
        add("a b/c%", "misnamed")
    add("text", "changed")
    again = registry.get_model("counted", 1)
    assert again.get_tags()["text"] == "changed"
    assert not GETS_ONE_TAG or again.get_tag("text") == "changed"
    model.delete_tag("number")
    assert "number" not in model.get_tags()
    assert registry.get_model("counted", 2).get_tags() == {}
    if GETS_ONE_TAG:
        with contextlib.suppress(RestAPIError, KeyError):  # of releases before 5
            assert model.get_tag("number") is None
    with refused():
        model.delete_tag("number")


def deleting_and_saving_again(project: Any) -> None:
    """What was deleted never comes back, from no cache."""
    registry = project.get_model_registry()

    def save(content: str) -> Any:
        model = registry.python.create_model("fleeting")
        return model.save(folder("fleeting", {"model.bin": content}))

    first = save("first")
    assert contents(registry.get_model("fleeting", 1).download()) == {
        "model.bin": b"first"
    }
    first.delete()
    assert missing(lambda: registry.get_model("fleeting", 1))
    assert registry.get_models("fleeting") == []
    with refused(status=404):
        first.delete()
    second = save("second")
    assert second.id != first.id
    found = registry.get_model("fleeting", second.version)
    assert contents(found.download()) == {"model.bin": b"second"}
    assert [it.version for it in registry.get_models("fleeting")] == [second.version]


def a_save_that_fails_leaves_nothing(project: Any) -> None:
    registry, files = project.get_model_registry(), project.get_dataset_api()
    model = registry.python.create_model("failing")
    with refused(OSError, says="Could not find path"):
        model.save("nowhere/at/all")
    assert missing(lambda: registry.get_model("failing", 1))
    assert registry.get_models("failing") == []
    saved = registry.python.create_model("failing").save(folder("ok", {"m": "1"}))
    assert saved.version in {1, 2}
    assert files.exists(f"Models/failing/{saved.version}/Files/m")


def names_that_are_none(project: Any) -> None:
    registry = project.get_model_registry()
    place = folder("named", {"model.bin": "m"})
    kinds = (ModelRegistryException,) if CHECKS_MODEL_NAMES else (RestAPIError,)
    for name in ("a b", "mödel", "x:y", "a.b", "..", "a#b", "a?b", "-"):
        with refused(*kinds):
            registry.python.create_model(name).save(place)
    with refused(*kinds):
        registry.python.create_model("a/b").save(place)


def names_that_differ_by_case(project: Any) -> None:
    registry = project.get_model_registry()
    with refused(says="ounted"):
        registry.python.create_model("Counted").save(folder("case", {"m": "1"}))
    assert registry.get_models("Counted") == []


def file_names_that_are_none(project: Any) -> None:
    """Refused while they are sent, before a version is made of the rest."""
    registry = project.get_model_registry()
    for number, name in enumerate(("a#b.txt", "a?b.txt", "trailing.", "back\\slash")):
        place = folder(f"misnamed-{number}", {"model.bin": "m", name: "n"})
        with refused():
            registry.python.create_model(f"misnamed_{number}").save(place)
        assert registry.get_models(f"misnamed_{number}") == []


def metrics_that_are_none(project: Any) -> None:
    registry = project.get_model_registry()
    place = folder("measured", {"model.bin": "m"})
    for metrics in ({"acc": "high"}, {"acc": None}, {"acc": float("nan")}):
        with refused(Exception):
            registry.python.create_model("measured", metrics=metrics).save(place)
        assert registry.get_models("measured") == []


def sealed_files_are_guarded(project: Any) -> None:
    files = project.get_dataset_api()
    model = project.get_model_registry().get_model("counted", 7)
    path = "Models/counted/7"
    Path("model.bin").write_text("changed")
    Path("more.bin").write_text("more")
    for attempt in (
        lambda: files.remove(path),
        lambda: files.remove(f"{path}/Files/model.bin"),
        lambda: files.remove("Models/counted"),
        lambda: files.remove("Models"),
        lambda: files.upload("more.bin", f"{path}/Files"),
        lambda: files.upload("model.bin", f"{path}/Files", overwrite=True),
        lambda: files.mkdir(f"{path}/Files/new"),
        lambda: files.mkdir(path),
        lambda: files.move(f"{path}/Files/model.bin", "Resources/taken.bin"),
        lambda: files.move(path, "Resources/taken"),
        lambda: files.copy("Models/counted/1", "Models/counted/70"),
        lambda: files.remove("Models/counted/_log"),
    ):
        with refused():
            attempt()
    assert contents(model.download("guarded")) == {"model.bin": b"0.7"}
    assert files.read_content(f"/{path}/Files/model.bin").content == b"0.7"
    files.copy(f"{path}/Files/model.bin", "Resources/copied.bin")
    assert files.read_content("/Resources/copied.bin").content == b"0.7"


def _sizes_are_megabytes() -> bool:
    from hsml.core.dataset_api import DatasetApi  # noqa: PLC0415

    return bool(DatasetApi.DEFAULT_UPLOAD_FLOW_CHUNK_SIZE < 1024)


STEPS = (
    every_framework,
    everything_in_one_model,
    empty_files_are_never_lost,
    a_single_file,
    files_that_lie_in_the_project,
    versions,
    what_is_not_there,
    tags,
    deleting_and_saving_again,
    a_save_that_fails_leaves_nothing,
    names_that_are_none,
    names_that_differ_by_case,
    file_names_that_are_none,
    metrics_that_are_none,
    sealed_files_are_guarded,
)
