"""Artifact versions: the same files are the same version, and it can say why."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import hopsartifacts
from hopsartifacts import Deployment, Model, ModelServing, Project, layout
from hopsartifacts.errors import (
    ArtifactNotFoundError,
    InUseError,
    InvalidDeploymentError,
    InvalidNameError,
    InvalidScriptError,
    ModelNotFoundError,
    SourceChangedError,
    StorageError,
)
from hopsartifacts.storage.contract import FileInfo, Storage

MakeScript = Callable[..., Path]
MakeFiles = Callable[..., Path]
Snapshot = Callable[[Project], dict[str, bytes]]
Deploy = Callable[..., Deployment]

FIRST = "class Predictor:\n    def predict(self, inputs): return 1\n"
SECOND = "class Predictor:\n    def predict(self, inputs): return 2\n"
BIG = b"0123456789abcdef" * (1 << 14) + b"more than 256 KiB"
FOLDER = "Models/my_model/1/Artifacts"


@pytest.fixture
def deploy(save_model: Callable[..., Model]) -> Deploy:
    """Deploy the one model under a new name: ``deploy(script_file=…)``."""
    model = save_model(framework="sklearn")
    names = (f"d{number}" for number in range(100))
    return lambda **settings: model.deploy(next(names), **settings)


@pytest.fixture
def first(make_script: MakeScript) -> Path:
    return make_script(FIRST)


@pytest.fixture
def second(make_script: MakeScript) -> Path:
    return make_script(SECOND)


def test_the_same_script_is_the_same_version(
    deploy: Deploy, first: Path, second: Path, make_script: MakeScript
) -> None:
    """Row 1: nothing asked for, files given."""
    assert deploy(script_file=first).artifact_version == 1
    assert deploy(script_file=second).artifact_version == 2
    assert deploy(script_file=first).artifact_version == 1
    assert deploy(script_file=str(make_script(SECOND))).artifact_version == 2


def test_create_makes_a_new_version(deploy: Deploy, first: Path, second: Path) -> None:
    """Row 2: and the default then takes the lowest."""
    settings = {"script_file": first}
    versions = [
        deploy(**settings, artifact_version=asked).artifact_version
        for asked in (None, "CREATE", "CREATE", None)
    ]
    assert versions == [1, 2, 3, 1]
    assert deploy(script_file=second).artifact_version == 4


@pytest.mark.parametrize("is_big", [False, True], ids=["small", "big"])
def test_a_model_deleted_while_an_artifact_gets_its_folder_is_gone(
    project: Project,
    save_model: Callable[..., Model],
    make_script: MakeScript,
    monkeypatch: pytest.MonkeyPatch,
    is_big: bool,
) -> None:
    """Not an artifact whose files were swept: it is the model that is to be told of."""
    first = make_script(f"{FIRST}# {BIG.decode() if is_big else ''}")
    model = save_model(framework="sklearn")
    kind: Any = type(project.storage)
    create = kind.create
    # A large version exists from its second entry on; then its folder is written.
    last = layout.log_entry(f"{FOLDER}/_log", 2) if is_big else f"{FOLDER}/1/"

    def slow(storage: Any, path: str, data: bytes) -> bool:
        created: bool = create(storage, path, data)
        if path.startswith(last):
            model.delete()
        return created

    monkeypatch.setattr(kind, "create", slow)
    words = "model 'my_model' version 1 .* was deleted while it was being deployed"
    with pytest.raises(ModelNotFoundError, match=words):
        model.deploy("late", script_file=first)
    assert project.get_model_serving().get_deployments() == []


@pytest.mark.parametrize("written", [0, 1])
def test_a_folder_that_was_written_in_part_is_completed_by_its_next_user(
    project: Project,
    deploy: Deploy,
    first: Path,
    monkeypatch: pytest.MonkeyPatch,
    written: int,
) -> None:
    """The version is committed first, so its folder may stay incomplete."""
    kind: Any = type(project.storage)
    create = kind.create
    config = first.with_name("config.yml")
    config.write_text("a: 1")
    files = {"script_file": first, "config_file": config}
    paths: list[str] = []

    def broken(storage: Any, path: str, data: bytes) -> bool:
        if path.startswith(f"{FOLDER}/1/"):
            paths.append(path)
            if len(paths) > written:
                raise StorageError("the disk failed")
        return bool(create(storage, path, data))

    with monkeypatch.context() as patch:
        patch.setattr(kind, "create", broken)
        assert deploy(**files).artifact_version == 1
    assert len(project.storage.list(f"{FOLDER}/1")) == written
    assert deploy(**files).artifact_version == 1
    assert project.verify().ok


@pytest.mark.parametrize("asked", [None, "CREATE", "MODEL-ONLY", 0, "0"], ids=repr)
def test_without_files_it_is_zero(deploy: Deploy, project: Project, asked: Any) -> None:
    """Row 3: zero is shared, holds nothing and is no folder."""
    for _ in range(2):
        assert deploy(artifact_version=asked).artifact_version == 0
    assert project.storage.list(FOLDER) == []


@pytest.mark.parametrize("part", ["script_file", "config_file", "files"])
def test_model_only_never_holds_files(
    deploy: Deploy, first: Path, project: Project, snapshot: Snapshot, part: str
) -> None:
    """Row 4."""
    before = snapshot(project)
    given = [first] if part == "files" else first
    with pytest.raises(InvalidDeploymentError, match=r"'MODEL-ONLY'.*predict.py"):
        deploy(artifact_version="MODEL-ONLY", **{part: given})
    assert snapshot(project) == before


def test_a_number_is_that_version(deploy: Deploy, first: Path, second: Path) -> None:
    """Row 5: its script comes with it."""
    deploy(script_file=first)
    deploy(script_file=second)
    deployment = deploy(artifact_version=1)
    assert deployment.artifact_version == 1
    assert deployment.script_file == "predict.py"
    assert deploy(artifact_version="2").artifact_version == 2


def test_a_number_has_to_exist(
    deploy: Deploy, first: Path, project: Project, snapshot: Snapshot
) -> None:
    deploy(script_file=first)
    before = snapshot(project)
    for settings in ({}, {"script_file": first}):
        with pytest.raises(ArtifactNotFoundError, match=r"version 7: it has 0, 1"):
            deploy(artifact_version=7, **settings)
    assert snapshot(project) == before


def test_a_number_with_the_same_files_is_that_version(
    deploy: Deploy, first: Path
) -> None:
    """Row 6: also when a lower one holds them too."""
    deploy(script_file=first)
    deploy(script_file=first, artifact_version="CREATE")
    assert deploy(script_file=first, artifact_version=2).artifact_version == 2


def test_a_number_with_other_files_shows_the_difference(
    deploy: Deploy,
    first: Path,
    second: Path,
    make_script: MakeScript,
    project: Project,
    snapshot: Snapshot,
) -> None:
    deploy(script_file=first)
    before = snapshot(project)
    with pytest.raises(InvalidDeploymentError, match=r"predictor-predict.py changed"):
        deploy(script_file=second, artifact_version=1)
    renamed = make_script(FIRST, "other.py")
    with pytest.raises(
        InvalidDeploymentError,
        match=r"predictor-other.py added, predictor-predict.py removed",
    ):
        deploy(script_file=renamed, artifact_version=1)
    with pytest.raises(InvalidDeploymentError, match="version 0 has other files"):
        deploy(script_file=first, artifact_version=0)
    assert snapshot(project) == before


@pytest.mark.parametrize("asked", ["create", "01", -1, 1.5, True, "LATEST", [1]])
def test_what_cannot_be_asked_for(deploy: Deploy, asked: Any) -> None:
    with pytest.raises(InvalidDeploymentError) as caught:
        deploy(artifact_version=asked)
    assert f"artifact_version {asked!r}: use a number, 'CREATE'" in str(caught.value)


def test_numbers_belong_to_a_model_version(
    save_model: Callable[..., Model], first: Path, second: Path
) -> None:
    for number in (1, 2):
        model = save_model(framework="sklearn")
        assert model.deploy(f"a{number}", script_file=second).artifact_version == 1
        assert model.deploy(f"b{number}", script_file=first).artifact_version == 2


def test_files_bear_their_role_and_folders_their_tree(
    deploy: Deploy,
    project: Project,
    first: Path,
    transformer_script: Path,
    make_script: MakeScript,
    make_files: MakeFiles,
) -> None:
    """Files of equal names in different roles must not meet in the folder."""
    folder = make_files({"a.txt": "a", "deep/b.bin": b"\x00"})
    deployment = deploy(
        script_file=first,
        transformer=project.get_model_serving().create_transformer(transformer_script),
        config_file=make_script("key: value", "config.yml"),
        files=[make_script("data", "data.csv"), folder],
    )
    found = {entry.path for entry in project.storage.find(f"{FOLDER}/1")}
    assert found == {
        f"{FOLDER}/1/{name}"
        for name in [
            "predictor-predict.py",
            "transformer-transform.py",
            "configfile-config.yml",
            "data.csv",
            "model/a.txt",
            "model/deep/b.bin",
        ]
    }
    assert deployment.config_file == "config.yml"
    assert deployment.files == ("data.csv", "model/a.txt", "model/deep/b.bin")


def test_every_byte_and_name_and_role_counts(
    deploy: Deploy, make_script: MakeScript, first: Path
) -> None:
    one = make_script("x", "one.txt")
    two = make_script("x", "two.txt")
    changed = make_script("y", "one.txt")
    settings: list[dict[str, Any]] = [
        {},
        {"files": [one]},
        {"files": [two]},
        {"files": [changed]},
        {"files": [one, two]},
        {"config_file": one},
        {"config_file": two},
    ]
    for _ in range(2):
        versions = [
            deploy(script_file=first, **each).artifact_version for each in settings
        ]
        assert versions == [1, 2, 3, 4, 5, 6, 7]
    reversed_files = deploy(script_file=first, files=[two, one])
    assert reversed_files.artifact_version == 5


def test_two_files_of_one_name_are_refused(
    deploy: Deploy, first: Path, make_script: MakeScript
) -> None:
    one, same = make_script("x", "a.txt"), make_script("y", "a.txt")
    with pytest.raises(InvalidNameError, match=r"two.*'a.txt'"):
        deploy(script_file=first, files=[one, same])
    with pytest.raises(InvalidNameError, match="differ only in case"):
        deploy(script_file=first, files=[one, make_script("x", "A.txt")])


def test_files_of_the_project_can_be_given(
    deploy: Deploy, project: Project, first: Path
) -> None:
    project.get_dataset_api().upload(first)
    for path in (
        "Resources/predict.py",
        f"/Projects/{project.name}/Resources/predict.py",
    ):
        deployment = deploy(script_file=path)
        assert deployment.artifact_version == 1
        assert deployment.script_file == "predict.py"


def test_a_version_never_changes_with_the_users_file(
    deploy: Deploy, first: Path, ms: ModelServing
) -> None:
    deploy(script_file=first)
    first.write_text(SECOND)
    assert deploy(script_file=first).artifact_version == 2
    model = ms.get_deployment("d0").get_model()
    assert ms.get_artifacts(model).read(1) == {"predictor-predict.py": FIRST.encode()}


@pytest.mark.parametrize("size", [256 * 1024, 256 * 1024 + 1, len(BIG)])
def test_an_artifact_of_any_size(
    deploy: Deploy, project: Project, first: Path, make_files: MakeFiles, size: int
) -> None:
    data = BIG[: size - len(FIRST)]
    folder = make_files({"a.bin": data, "b.bin": b"b"})
    for _ in range(2):
        deployment = deploy(script_file=first, files=[folder])
        assert deployment.artifact_version == 1
    storage = project.storage
    assert storage.read(f"{FOLDER}/1/model/a.bin") == data
    assert storage.read(f"{FOLDER}/1/predictor-predict.py") == FIRST.encode()
    assert project.verify().ok
    artifacts = project.get_model_serving().get_artifacts(deployment.get_model())
    assert artifacts.read(1)["model/a.bin"] == data


@pytest.mark.parametrize("is_big", [False, True], ids=["small", "big"])
def test_a_version_that_the_log_has_lost_is_not_written_over(
    storage_of_each_kind: Storage,
    make_files: MakeFiles,
    make_script: MakeScript,
    is_big: bool,
) -> None:
    """The artifact log is gone, as after a restore from an old backup."""
    storage = storage_of_each_kind
    project = hopsartifacts.login(storage=storage)
    mr = project.get_model_registry()
    mr.sklearn.create_model("my_model").save(make_files())
    model = mr.get_model("my_model", 1)
    code = BIG.decode() if is_big else ""
    model.deploy("lost", script_file=make_script(f"{FIRST}# {code}"))
    before = files_of(storage, f"{FOLDER}/1")
    storage.delete_tree(f"{FOLDER}/_log")
    storage.delete_tree("Deployments/lost")
    other: dict[str, Any] = {
        "script_file": make_script(f"{SECOND}# {code}"),
        "files": [make_script(BIG.decode(), "big.txt")],
    }
    assert model.deploy("other", **other).artifact_version == 1
    assert before.items() <= files_of(storage, f"{FOLDER}/1").items()
    kinds = {it.path: it.kind for it in project.verify().findings}
    assert kinds[next(iter(before))] == "changed"
    project.repair()
    assert files_of(storage, f"{FOLDER}/1").keys() == {
        *before,
        f"{FOLDER}/1/big.txt",
    }
    assert before.items().isdisjoint(files_of(storage, f"{FOLDER}/1").items())
    moved = files_of(storage, ".hopsartifacts/quarantine").values()
    assert set(before.values()) <= set(moved)


def files_of(storage: Storage, folder: str) -> dict[str, bytes]:
    return {it.path: storage.read(it.path) for it in storage.find(folder)}


def test_a_deploy_that_was_stopped_before_the_last_step_is_finished_by_the_next(
    local_project: Project,
    make_files: MakeFiles,
    first: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All files of the artifact are there, but the folder is not read-only yet."""
    kind: Any = type(local_project.storage)
    protect = kind.protect
    model = local_project.get_model_registry().sklearn.create_model("my_model")
    model.save(make_files())

    def stopped(storage: Any, path: str) -> None:
        if path == f"{FOLDER}/1":
            raise KeyboardInterrupt
        protect(storage, path)

    with monkeypatch.context() as patch:
        patch.setattr(kind, "protect", stopped)
        with pytest.raises(KeyboardInterrupt):
            model.deploy("d", script_file=first)
    assert not find_folder(local_project.storage).is_read_only
    model.deploy("d", script_file=first)
    assert find_folder(local_project.storage).is_read_only
    assert local_project.verify().ok


def find_folder(storage: Storage) -> FileInfo:
    return storage.stat(f"{FOLDER}/1") or pytest.fail("there is no folder")


def payloads(project: Project) -> list[str]:
    return [entry.name for entry in project.storage.list(f"{FOLDER}/_payload")]


def test_a_big_artifact_that_is_reused_leaves_no_payload(
    deploy: Deploy, project: Project, first: Path, make_script: MakeScript
) -> None:
    big = make_script(BIG.decode(), "big.txt")
    deploy(script_file=first, files=[big])
    assert len(payloads(project)) == 1
    deploy(script_file=first, files=[big])
    assert len(payloads(project)) == 1
    deploy(script_file=first, files=[big], artifact_version="CREATE")
    assert len(payloads(project)) == 2


def test_a_big_artifact_another_was_faster_with_leaves_no_payload(
    intercept: Callable[[Callable[..., None]], Project],
    project: Project,
    save_model: Callable[..., Model],
    first: Path,
    make_script: MakeScript,
) -> None:
    """The other commits after we looked and before we do."""
    save_model(framework="sklearn")
    settings: dict[str, Any] = {
        "script_file": first,
        "files": [make_script(BIG.decode(), "big.txt")],
    }
    others: list[Deployment] = []

    def hook(method: str, path: str = "", *_: object) -> None:
        if method == "create" and path.startswith(f"{FOLDER}/_log") and not others:
            model = project.get_model_registry().get_model("my_model")
            others.append(model.deploy("other", **settings))

    model = intercept(hook).get_model_registry().get_model("my_model")
    assert model.deploy("ours", **settings).artifact_version == 1
    assert others[0].artifact_version == 1
    assert len(payloads(project)) == 1
    assert project.verify().ok


def test_a_big_file_that_changes_while_it_is_saved_fails_the_save(
    intercept: Callable[[Callable[..., None]], Project],
    project: Project,
    save_model: Callable[..., Model],
    snapshot: Snapshot,
    make_script: MakeScript,
) -> None:
    """Its bytes are read twice: the digest must be that of the stored bytes."""
    save_model(framework="sklearn")
    project.get_dataset_api().upload(make_script(BIG.decode(), "big.txt"))
    before = snapshot(project)
    changed: list[str] = []

    def hook(method: str, *_: object) -> None:
        if method == "write" and not changed:
            changed.append(method)
            project.storage.write("Resources/big.txt", [BIG + b"!"])

    model = intercept(hook).get_model_registry().get_model("my_model")
    with pytest.raises(SourceChangedError, match=r"'big.txt' was changed"):
        model.deploy(files=["Resources/big.txt"])
    left = snapshot(project)
    # Nothing but the name, which was taken first: a twin of it is refused before then.
    assert left.pop(".hopsartifacts/names/deployments/mymodel.json")
    assert left == {**before, "Resources/big.txt": BIG + b"!"}
    deployment = project.get_model_registry().get_model("my_model").deploy()
    assert (deployment.version, deployment.artifact_version) == (1, 0)


def test_why_a_version_was_made_or_reused(deploy: Deploy, first: Path) -> None:
    made = deploy(script_file=first).explain()
    assert (made.version, made.is_new, made.compared) == (1, True, 0)
    assert "1 is new: it is the first version with files" in str(made)
    assert "predictor-predict.py" in str(made)
    reused = deploy(script_file=first).explain()
    assert (reused.version, reused.is_new, reused.compared) == (1, False, 1)
    assert "1 is reused: it is the lowest" in str(reused)
    created = deploy(script_file=first, artifact_version="CREATE").explain()
    assert "2 is new: CREATE was requested" in str(created)
    numbered = deploy(artifact_version=2).explain()
    assert "2 was requested by its number" in str(numbered)
    nothing = deploy().explain()
    assert "0: no script or file was given" in str(nothing)
    assert made.identity == reused.identity == created.identity != nothing.identity
    assert (numbered.identity, numbered.files) == (created.identity, created.files)


def test_explaining_stores_nothing(
    project: Project,
    snapshot: Snapshot,
    save_model: Callable[..., Model],
    first: Path,
    ms: ModelServing,
) -> None:
    predictor = ms.create_predictor(save_model(), script_file=first)
    before = snapshot(project)
    assert predictor.explain().is_new
    assert ms.create_deployment(predictor).explain().version == 1
    assert snapshot(project) == before


def test_a_fetched_deployment_explains_what_a_save_would_do(
    deploy: Deploy, first: Path, ms: ModelServing
) -> None:
    deploy(script_file=first)
    decision = ms.get_deployment("d0").explain()
    assert (decision.version, decision.is_new) == (1, False)


@pytest.mark.parametrize("scripted", [True, False])
def test_nobody_asked_for_the_number_that_a_deployment_keeps(
    deploy: Deploy, first: Path, ms: ModelServing, *, scripted: bool
) -> None:
    """Fetched, saved again, rolled back: the number was not asked for by the user."""
    saved = deploy(script_file=first) if scripted else deploy()
    fetched = ms.get_deployment("d0")
    saved.description = "changed"
    saved.save()
    back = ms.get_deployment("d0")
    back.rollback(1)
    number = 1 if scripted else 0
    for deployment in (fetched, saved, back):
        decision = deployment.explain()
        assert (decision.version, decision.is_kept, decision.asked) == (
            number,
            True,
            None,
        )
        assert f"Artifact version {number} is kept" in str(decision)
    back.artifact_version = number
    assert "was requested by its number" in str(back.explain())
    back.script_file = str(first)
    assert not back.explain().is_kept


BY_PRODUCTS = (
    "__pycache__/mod.cpython-311.pyc",
    "inner/__pycache__/mod.cpython-312.opt-1.pyc",
    "__pycache__/numba.nbi",
    "old.pyc",
    ".ipynb_checkpoints/mod-checkpoint.py",
    ".DS_Store",
    "inner/.DS_Store",
    "inner/Thumbs.db",
    "desktop.ini",
    "._mod.py",
)


@pytest.mark.parametrize("by_product", BY_PRODUCTS)
def test_what_tools_leave_in_folders_is_not_stored(
    deploy: Deploy, first: Path, tmp_path: Path, by_product: str
) -> None:
    folder = tmp_path / "pkg"
    folder.mkdir()
    (folder / "mod.py").write_text("x = 1")
    assert deploy(script_file=first, files=[folder]).artifact_version == 1
    path = folder / by_product
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"1")
    again = deploy(script_file=first, files=[folder])
    assert again.artifact_version == 1
    assert again.explain().files == ("pkg/mod.py", "predictor-predict.py")


def test_a_folder_of_by_products_alone_is_refused(
    deploy: Deploy, first: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "pkg"
    folder.mkdir()
    (folder / "old.pyc").write_bytes(b"1")
    with pytest.raises(
        InvalidDeploymentError, match="contains only files that tools make"
    ):
        deploy(script_file=first, files=[folder])
    named = deploy(script_file=first, files=[folder / "old.pyc"])
    assert "old.pyc" in named.explain().files, "what is named itself is stored"


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("config_file", r"^config_file 'nope' does not exist.*Resources/config\.yaml'"),
        ("environment_lock", r"^environment_lock 'nope' does.*/requirements\.txt'"),
        ("script_file", r"^predictor 'nope' does not exist.*Resources/predictor\.py'"),
        ("files", r"^file 'nope' does not exist.*Resources/data\.json'"),
    ],
)
def test_a_missing_file_is_named_by_its_setting(
    deploy: Deploy, first: Path, setting: str, words: str
) -> None:
    with pytest.raises(InvalidScriptError, match=words):
        deploy(**{"script_file": first, setting: "nope"})


def test_versions_can_be_listed_and_read(
    deploy: Deploy, first: Path, second: Path, ms: ModelServing
) -> None:
    model = deploy(script_file=first).get_model()
    deploy(script_file=second)
    artifacts = ms.get_artifacts(model)
    assert list(artifacts.list()) == [0, 1, 2]
    assert artifacts.get(0).files == ()
    assert artifacts.read(0) == {}
    assert [file.path for file in artifacts.get(1).files] == ["predictor-predict.py"]
    assert artifacts.get(1).file("predictor") == "predictor-predict.py"
    assert artifacts.get(1).file("transformer") is None
    with pytest.raises(ArtifactNotFoundError, match="no artifact version 9"):
        artifacts.get(9)
    with pytest.raises(InvalidNameError, match="'01'"):
        artifacts.get("01")  # type: ignore[arg-type]


def test_two_versions_can_be_compared(
    deploy: Deploy,
    first: Path,
    second: Path,
    ms: ModelServing,
    make_files: MakeFiles,
) -> None:
    """Every kind of difference is told, also of what is not text or too long."""
    model = deploy(script_file=first).get_model()
    folder = make_files({"bin": b"\xff", "big": b"x" * (1 << 21)})
    deploy(script_file=second, files=[folder])
    changed = make_files({"bin": b"\xfe", "big": b"y" * (1 << 21)})
    deploy(script_file=second, files=[changed])
    artifacts = ms.get_artifacts(model)
    text = str(artifacts.diff(1, 2))
    assert "added: model/bin" in text
    assert "changed: predictor-predict.py" in text
    assert "-    def predict(self, inputs): return 1" in text
    assert "+    def predict(self, inputs): return 2" in text
    assert "removed: model/bin" in str(artifacts.diff(2, 0))
    assert str(artifacts.diff(2, 3)) == (
        "changed: model/big\n(too big to show)\nchanged: model/bin\n(not text)"
    )
    assert not artifacts.diff(2, 2)
    assert str(artifacts.diff(0, 0)) == "no difference"
    with pytest.raises(ArtifactNotFoundError):
        artifacts.diff(1, 9)


def test_a_script_with_another_name_is_compared_with_the_one_before(
    deploy: Deploy, first: Path, second: Path, ms: ModelServing, make_files: MakeFiles
) -> None:
    """An artifact has one predictor, so a file of another name is the same part."""
    model = deploy(script_file=first).get_model()
    other = second.rename(second.with_name("other.py"))
    deploy(script_file=other)
    # Here the earlier name is that of another file, so that nothing is left out.
    taken = make_files({"predictor-predict.py": FIRST})
    deploy(script_file=other, files=[taken / "predictor-predict.py"])
    artifacts = ms.get_artifacts(model)
    lines = str(artifacts.diff(1, 2)).splitlines()
    assert lines[0] == "changed: predictor-predict.py -> predictor-other.py"
    assert [it for it in lines[3:] if it[0] in "+-"] == [
        "-    def predict(self, inputs): return 1",
        "+    def predict(self, inputs): return 2",
    ]
    (pair,) = artifacts.diff(1, 2).files
    assert (pair.before_path, pair.path) == (
        "predictor-predict.py",
        "predictor-other.py",
    )
    assert [it.path for it in artifacts.diff(1, 3).files] == ["predictor-other.py"]


def test_a_deployments_artifact_can_be_downloaded(
    deploy: Deploy, first: Path, tmp_path: Path, make_files: MakeFiles
) -> None:
    deployment = deploy(script_file=first, files=[make_files({"a": b"a"})])
    folder = Path(deployment.download_artifact_files(tmp_path / "here"))
    assert (folder / "predictor-predict.py").read_text() == FIRST
    assert (folder / "model" / "a").read_bytes() == b"a"
    own = Path(deployment.download_artifact_files())
    assert own.parts[-4:] == ("my_model", "1", "Artifacts", "1")
    with pytest.raises(ArtifactNotFoundError, match=r"'d1'.*artifact version 0"):
        deploy().download_artifact_files()


def test_a_folder_that_is_missing_is_written_again(
    deploy: Deploy, first: Path, project: Project
) -> None:
    """The log is the truth; the folder is a projection of it."""
    deploy(script_file=first)
    project.storage.delete_tree(f"{FOLDER}/1")
    assert deploy(script_file=first).artifact_version == 1
    stored = project.storage.read(f"{FOLDER}/1/predictor-predict.py")
    assert stored == FIRST.encode()


def test_a_deleted_artifact_version_keeps_its_number(
    model: Model, ms: ModelServing, first: Path, second: Path, project: Project
) -> None:
    model.deploy("a", script_file=first)
    deployment = model.deploy("b", script_file=second)
    artifacts = ms.get_artifacts(model)
    with pytest.raises(InUseError, match=r"version 2 .* deployment 'b'"):
        artifacts.delete(2)
    deployment.delete()
    artifacts.delete(2)
    assert list(artifacts.list()) == [0, 1]
    assert project.storage.stat("Models/my_model/1/Artifacts/2") is None
    with pytest.raises(ArtifactNotFoundError, match="it was deleted"):
        artifacts.get(2)
    with pytest.raises(ArtifactNotFoundError, match="it was deleted"):
        artifacts.delete(2)
    assert model.deploy("c", script_file=second).artifact_version == 3
    assert project.verify().ok


def test_the_empty_artifact_version_cannot_be_deleted(
    model: Model, ms: ModelServing
) -> None:
    with pytest.raises(InvalidDeploymentError, match="cannot be deleted"):
        ms.get_artifacts(model).delete(0)


def test_a_deployment_that_comes_while_its_artifact_is_deleted_wins(
    model: Model, ms: ModelServing, first: Path
) -> None:
    model.deploy("a", script_file=first).delete()
    store = ms.get_artifacts(model)._store
    asked = itertools.count(1)

    def users() -> list[str]:
        # Nobody when first asked, nor when it is marked; but then somebody comes.
        turn = next(asked)
        if turn == 2:
            model.deploy("late", script_file=first)
        return ["deployment 'late'"] if turn > 2 else []

    with pytest.raises(InUseError, match="late"):
        store.delete(1, users)
    assert ms.get_deployment("late").artifact_version == 1
    assert list(ms.get_artifacts(model).list()) == [0, 1]


@pytest.mark.parametrize("read", ["list", "get", "read", "diff"])
def test_a_model_deleted_while_its_artifacts_are_read_is_gone(
    project: Project,
    save_model: Callable[..., Model],
    make_files: MakeFiles,
    monkeypatch: pytest.MonkeyPatch,
    read: str,
) -> None:
    """Its log goes with its files: entries that are missing then are no damage."""
    model = save_model(framework="sklearn")
    for number in (1, 2):
        # A version of several files lies only in the entry that brought it.
        names = {f"{number}-{letter * 30}.txt": b"text" for letter in "abcdef"}
        folder = make_files(names)
        model.deploy("d", files=[folder]).delete()
    artifacts = project.get_model_serving().get_artifacts(model)
    kind: Any = type(project.storage)
    read_entry = kind.read

    def slow(storage: Any, path: str) -> bytes:
        data: bytes = read_entry(storage, path)
        if "/Artifacts/_log/" in path:
            monkeypatch.setattr(kind, "read", read_entry)
            model.delete()
        return data

    monkeypatch.setattr(kind, "read", slow)
    given = {"list": (), "get": (1,), "read": (1,), "diff": (1, 2)}[read]
    with pytest.raises(ModelNotFoundError, match="there is no model"):
        getattr(artifacts, read)(*given)
