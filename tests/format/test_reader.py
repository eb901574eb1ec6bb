"""A second reader, written from docs/format.md, agrees with ours and finds flaws."""

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import xxhash

import hopsartifacts
from hopsartifacts import Project
from hopsartifacts.artifacts.versions import _stage, artifact_log, give_up_payload
from hopsartifacts.errors import FormatError, InUseError, ModelNotFoundError
from hopsartifacts.registry.reservations import claim_version, give_up_claim
from hopsartifacts.registry.versions import delete_version
from tests.format import reader
from tests.format.agreement import check_agreement, ours
from tests.format.reader import read

SCRIPT = "class Predictor:\n    def predict(self, inputs):\n        return inputs\n"
IRIS, WINE = "Models/iris/_log", "Models/wine/_log"
SCRIPTS, BIG = "Models/iris/59/Artifacts/_log", "Models/iris/4/Artifacts/_log"
ONE, PLAIN = "Deployments/one/_log", "Deployments/plain/_log"
Tampering = Callable[[Path], None]


class Making:
    """Makes a project with everything that a project can have."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "users"
        (self.folder / "model" / "sub").mkdir(parents=True)
        (self.folder / "model" / "sub" / "empty").touch()
        self.project = hopsartifacts.login(folder / "project")
        self.mr = self.project.get_model_registry()
        self.ms = self.project.get_model_serving()

    def save(self, name: str, **given: Any) -> Any:
        weights = f"{name} {given}".encode()
        (self.folder / "model" / "weights.bin").write_bytes(weights)
        return self.mr.python.create_model(name, **given).save(self.folder / "model")

    def script(self, more: str) -> Path:
        path = self.folder / "predict.py"
        path.write_text(f"{SCRIPT}# {more}\n", encoding="utf-8")
        return path

    def models(self) -> None:
        for n in range(1, 61):
            tags = {"n": n, "long": "ü" * 300} if n in {7, 30} else {"n": n}
            model = self.save("iris", metrics={"loss": 1e-7 / n}, tags=tags)
            if n in {3, 5, 55}:
                model.set_alias("champion", why="für alle")
            if n == 9:
                self.mr.get_model("iris", 2).delete()
        self.mr.set_alias("iris", "stable", 8)
        self.mr.delete_alias("iris", "stable")
        self.mr.get_model("iris", 30).add_tag("more", [1.5, None])
        self.mr.get_model("iris", 58).set_description("")
        self.mr.get_model("iris", 60).delete()
        self.withdrawn()
        # Far from each other: three books.
        self.save("iris", version=20_000)
        self.save("iris", version=12_400, tags={"a": 1, "content": {"content": 2}})
        self.save("iris", version=30_000)
        self.mr.get_model("iris", 1).add_tag("old", value=True)
        self.save("wine", input_example=[[1, 2.5]], description="Wein")

    def withdrawn(self) -> None:
        """Have what only happens to writers that meet others, or are cut off."""
        storage = self.project.storage
        give_up_claim(storage, "iris", claim_version(storage, "iris"))
        claim_version(storage, "iris")
        users = iter([[], ["somebody"]])
        with pytest.raises(InUseError):
            delete_version(storage, "iris", 20, lambda: next(users))
        _stage(artifact_log(storage, "iris", 20), "a" * 32)
        give_up_payload(storage, "iris", 20, "a" * 32)
        _stage(artifact_log(storage, "iris", 20), "b" * 32)

    def taken_back(self, model: Any) -> None:
        """Deploy a version that seems to be deleted meanwhile."""
        script = self.script("taken back")
        with pytest.MonkeyPatch.context() as patch:
            name = "hopsartifacts.deployments.versions.pick_live"
            patch.setattr(name, Mock(side_effect=ModelNotFoundError("gone")))
            with pytest.raises(ModelNotFoundError):
                model.deploy("plain", script_file=script)

    def deployments(self) -> None:
        model, other = self.mr.get_model("iris", 59), self.mr.get_model("iris", 4)
        for n in range(70):
            asked = "CREATE" if n in {40, 69} else None
            script = self.script(str(min(n, 68)))
            model.deploy("one", script_file=script, artifact_version=asked)
        one = self.ms.get_deployment("one")
        one.rollback(3)
        one.delete_version(2)
        self.ms.get_artifacts(model).delete(2)
        one.add_tag("stage", "test")
        other.deploy("two", script_file=self.script("x"))
        self.ms.get_deployment("two").delete()
        self.ms.get_artifacts(other).delete(1)
        other.deploy("two", script_file=self.script("y"))
        model.deploy("two", script_file=self.script("y"))
        other.deploy("big", script_file=self.script("#" * 300_000))
        self.mr.sklearn.create_model("bare").save(self.folder / "model").deploy("bare")
        self.taken_back(other)
        other.deploy("plain", script_file=self.script("z"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("reader")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOPSARTIFACTS_STATE_DIR", str(folder / "state"))
        making = Making(folder)
        making.models()
        making.deployments()
    return making.project


@pytest.fixture
def copied(made: Project, tmp_path: Path) -> Path:
    """A copy of the project in which everything may be changed."""
    path = made.storage.local_path("")
    assert path is not None
    shutil.copytree(path, tmp_path / "copy", copy_function=shutil.copyfile)
    for folder, _, _ in os.walk(tmp_path / "copy"):
        Path(folder).chmod(0o755)
    return tmp_path / "copy"


def place(root: Path, log: str, seq: int = 0) -> Path:
    """Return the file of an entry; of the newest one without a number."""
    if not seq:
        return min(it for it in (root / log).rglob("*.gz"))
    digits = str(99_999_999 - seq)
    return root / log / "/".join(re.findall("..", digits)[:4]).__add__(".json.gz")


def loaded(root: Path, log: str, seq: int = 0) -> Any:
    return json.loads(gzip.decompress(place(root, log, seq).read_bytes()))


def found(root: Path, log: str, **wanted: Any) -> int:
    """Return the number of the last entry whose operation has the *wanted* members."""
    for seq in range(loaded(root, log)["seq"], 0, -1):
        if wanted.items() <= loaded(root, log, seq)["op"].items():
            return seq
    raise AssertionError(wanted)


def edit(root: Path, log: str, change: Callable[[Any], object], seq: int = 0) -> None:
    """Change an entry, and compute its check again."""
    path = place(root, log, seq)
    entry = loaded(root, log, seq)
    del entry["check"]
    change(entry)
    text = json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode()
    check = xxhash.xxh3_128_hexdigest(text)
    text = text[:-1] + f',"check":"xxh3-128:{check}"}}'.encode()
    path.write_bytes(gzip.compress(text, mtime=0))


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def swap(one: Path, two: Path) -> None:
    data = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(data)


def copy(source: Path, target: Path) -> None:
    target.write_bytes(source.read_bytes())


def page_of(entry: Any, version: int) -> Any:
    book = entry["tree"][str(version // 12_500)]
    return book["pages"][version // 50 - book["first"]]


def record_of(entry: Any) -> Any:
    version = entry["op"]["version"]
    return page_of(entry, version)[str(version)]


def test_the_second_reader_agrees_with_ours(made: Project) -> None:
    check_agreement(made.storage)
    seen = ours(made.storage)
    # Else the project would have less than it is made for.
    versions = seen["models"]["iris"]["versions"]
    statuses = ["deleted", "aborted", "reserved", "sealed"]
    assert [versions[v] for v in (60, 61, 62, 30_000)] == statuses
    assert seen["models"]["iris"]["aliases"] == {"champion": 55, "stable": None}
    scripts = seen["artifacts"]["iris/59"]["versions"]
    assert (len(scripts), scripts[2]) == (71, "deleted")
    assert seen["deployments"]["one"]["active"] == 3
    assert seen["deployments"]["bare"] == {"versions": {1: "live"}, "active": 1}
    assert seen["deployments"]["two"]["versions"] == {
        1: "deleted",
        2: "live",
        3: "live",
    }


STEPS = {
    *("reserve", "seal", "abort", "tag", "describe", "alias", "mark", "withdraw"),
    *("delete", "stage", "create", "save", "rollback", "take back", "delete version"),
}


def test_the_project_has_every_shape_of_the_format(made: Project) -> None:
    root = made.storage.local_path("")
    assert root is not None
    iris, scripts = loaded(root, IRIS), loaded(root, SCRIPTS)
    earlier = loaded(root, IRIS, found(root, IRIS, version=20_000))
    assert [isinstance(it, int) for it in iris["tree"].values()] == [False] * 3
    assert [isinstance(it, int) for it in earlier["tree"].values()] == [False, False]
    last = loaded(root, IRIS, found(root, IRIS, version=30_000))
    assert [isinstance(it, int) for it in last["tree"].values()] == [True, False, False]
    assert None in iris["tree"]["0"]["pages"]
    assert isinstance(page_of(iris, 59), int)
    assert isinstance(page_of(iris, 1)["30"], int)
    assert len(scripts["index"]) == 16
    assert "payload" in record_of(
        loaded(root, BIG, found(root, BIG, kind="create", version=3))
    )
    assert "carried" in iris
    logs = root.glob("**/_log")
    entries = (
        gzip.decompress(it.read_bytes()) for log in logs for it in log.rglob("*.gz")
    )
    assert {json.loads(it)["op"]["kind"] for it in entries} == STEPS


def test_the_second_reader_shares_no_code() -> None:
    code = (
        "import sys; sys.modules['hopsartifacts'] = None; "
        f"sys.path.insert(0, {str(Path(reader.__file__).parent)!r}); import reader; "
        "print(sorted({it.split('.')[0] for it in sys.modules} "
        "- sys.stdlib_module_names - {'reader', '__main__', 'hopsartifacts'}))"
    )
    run = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path = {sys.path!r}; {code}"],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.stdout.strip() == "['xxhash']"


def test_the_entry_on_the_page_has_its_check() -> None:
    page = (Path(__file__).parents[2] / "docs" / "format.md").read_text("utf-8")
    example = re.search(r"```json\n(.*?)```", page, re.DOTALL)
    assert example
    text = reader.checked(example[1].replace("\n", "").encode())
    assert json.loads(text)["log"] == IRIS


def test_it_prints_what_it_found(copied: Path) -> None:
    call = [sys.executable, reader.__file__, str(copied)]
    run = subprocess.run(call, check=True, capture_output=True, timeout=60)
    assert json.loads(run.stdout) == json.loads(json.dumps(read(copied)))


@pytest.mark.parametrize("log", [IRIS, SCRIPTS, BIG, ONE, PLAIN])
def test_an_entry_that_is_written_again_as_it_was_is_no_flaw(
    log: str, copied: Path
) -> None:
    edit(copied, log, lambda _: None)
    assert read(copied)["flaws"] == []


def newest(log: str, change: Callable[[Any], object]) -> Tampering:
    return lambda root: edit(root, log, change)


def put(path: str, data: str | None) -> Tampering:
    """Write a file, or take it away."""

    def tamper(root: Path) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        if data is None:
            (root / path).unlink()
        else:
            (root / path).write_text(data)

    return tamper


def copy_file(source: str, target: str) -> Tampering:
    return lambda root: copy(root / source, root / target)


def reframed(entry: Any) -> None:
    record_of(entry)["framework"] = "TORCH"


def other_record(entry: Any) -> None:
    page_of(entry, 3)["3"]["tags"] = {"n": 999}


TAMPERINGS: dict[str, tuple[str, Tampering]] = {
    "first entry removed": (IRIS, lambda root: place(root, IRIS, 1).unlink()),
    "entry removed": (IRIS, lambda root: place(root, IRIS, 77).unlink()),
    "all entries removed": ("Models/wine/1", lambda root: shutil.rmtree(root / WINE)),
    "seal cut off the end": (
        "Models/wine/1/manifest.json",
        lambda root: place(root, WINE, 2).unlink(),
    ),
    "byte changed": (IRIS, lambda root: flip(place(root, IRIS, 5))),
    "byte of the newest changed": (IRIS, lambda root: flip(place(root, IRIS))),
    "entry cut": (ONE, lambda root: os.truncate(place(root, ONE, 9), 200)),
    "entry empty": (ONE, lambda root: os.truncate(place(root, ONE, 9), 0)),
    "entry edited": (
        f"{IRIS} entry ",
        lambda root: edit(root, IRIS, reframed, found(root, IRIS, kind="seal")),
    ),
    "writer of an old entry edited": (
        f"{IRIS} entry 2:",
        lambda root: edit(root, IRIS, lambda it: it.update(writer="eve@lab:1"), 1),
    ),
    "entries swapped": (
        IRIS,
        lambda root: swap(place(root, IRIS, 30), place(root, IRIS, 31)),
    ),
    "entry in the place of another": (
        IRIS,
        lambda root: copy(place(root, IRIS, 3), place(root, IRIS, 4)),
    ),
    "entry of another log": (
        WINE,
        lambda root: copy(place(root, IRIS, 2), place(root, WINE, 2)),
    ),
    "stray file in a log": (IRIS, put(f"{IRIS}/99/notes.txt", "mine")),
    "entry of format 2": (IRIS, newest(IRIS, lambda it: it.update(format=2))),
    "previous digest wrong": (
        IRIS,
        newest(IRIS, lambda it: it.update(previous="sha256:" + "0" * 64)),
    ),
    "record edited": (IRIS, newest(IRIS, reframed)),
    "second record edited": (IRIS, newest(IRIS, other_record)),
    "record lost": (IRIS, newest(IRIS, lambda it: page_of(it, 3).pop("3"))),
    "record names another entry": (
        IRIS,
        newest(IRIS, lambda it: page_of(it, 7).update({"7": 1})),
    ),
    "status without a step": (
        IRIS,
        newest(IRIS, lambda it: page_of(it, 2)["2"].update(status="sealed")),
    ),
    "page names another entry": (
        IRIS,
        newest(IRIS, lambda it: it["tree"]["0"]["pages"].__setitem__(1, 4)),
    ),
    "page lost": (
        IRIS,
        newest(IRIS, lambda it: it["tree"]["0"]["pages"].pop()),
    ),
    "book names another entry": (
        IRIS,
        newest(IRIS, lambda it: it["tree"].update({"2": 4})),
    ),
    "latest wrong": (IRIS, newest(IRIS, lambda it: it["head"].update(latest=59))),
    "sealing entry wrong": (IRIS, newest(IRIS, lambda it: it["head"].update(sealed=2))),
    "last number wrong": (IRIS, newest(IRIS, lambda it: it["head"].update(last=99))),
    "alias moved without a step": (
        IRIS,
        newest(IRIS, lambda it: it["head"]["aliases"]["champion"].update(version=1)),
    ),
    "copy of a content edited": (
        IRIS,
        newest(IRIS, lambda it: it["carried"]["content"].update(description="x")),
    ),
    "manifest edited": (
        WINE,
        newest(WINE, lambda it: it["content"].update(creator="x")),
    ),
    "identity under another version": (
        SCRIPTS,
        newest(
            SCRIPTS,
            lambda it: next(
                leaf for leaf in it["index"].values() if isinstance(leaf, dict)
            ).update({"0" * 64: 1}),
        ),
    ),
    "leaf names another entry": (
        SCRIPTS,
        newest(
            SCRIPTS,
            lambda it: it["index"].update(
                {next(k for k, leaf in it["index"].items() if isinstance(leaf, int)): 1}
            ),
        ),
    ),
    "leaf lost": (SCRIPTS, newest(SCRIPTS, lambda it: it["index"].popitem())),
    "script edited": (
        BIG,
        newest(BIG, lambda it: it["content"].update({"predictor-predict.py": "eA=="})),
    ),
    "specification edited": (
        PLAIN,
        newest(PLAIN, lambda it: it["content"]["artifact"].update(version=1)),
    ),
    "specification with another model": (
        "Deployments/plain",
        newest(PLAIN, lambda it: it["content"]["model"].update(manifest="sha256:0")),
    ),
    "project of another format": (
        "project",
        put(".hopsartifacts/project.json", '{"format": 2}'),
    ),
    "file changed": (
        "iris/5/Files/weights.bin",
        lambda root: flip(root / "Models/iris/5/Files/weights.bin"),
    ),
    "file cut": (
        "iris/5/Files/weights.bin",
        put("Models/iris/5/Files/weights.bin", "iris"),
    ),
    "file missing": (
        "iris/5/Files/sub/empty",
        put("Models/iris/5/Files/sub/empty", None),
    ),
    "file too many": ("iris/5/Files/more", put("Models/iris/5/Files/more", "")),
    "file beside the versions": ("iris/notes", put("Models/iris/notes.txt", "x")),
    "version without an entry": ("iris/70", put("Models/iris/70/Files/x", "x")),
    "file of a deleted version": ("iris/60", put("Models/iris/60/Files/x", "x")),
    "projection of another version": (
        "iris/5/manifest.json",
        copy_file("Models/iris/6/manifest.json", "Models/iris/5/manifest.json"),
    ),
    "projection of a deleted version": (
        "iris/60/manifest.json",
        put("Models/iris/60/manifest.json", "{}"),
    ),
    "projection edited": (
        "iris/5/manifest.json",
        lambda root: flip(root / "Models/iris/5/manifest.json"),
    ),
    "input example edited": (
        "wine/1/input_example.json",
        put("Models/wine/1/input_example.json", "[[1, 3.5]]"),
    ),
    "folder of an artifact edited": (
        "Artifacts/3/predictor-predict.py",
        put("Models/iris/59/Artifacts/3/predictor-predict.py", "print()"),
    ),
    "file too many in an artifact": (
        "Artifacts/3/more",
        put("Models/iris/59/Artifacts/3/more", ""),
    ),
    "payload missing": (
        "iris/4/Artifacts/_payload",
        lambda root: shutil.rmtree(root / "Models/iris/4/Artifacts/_payload"),
    ),
    "payload of nobody": (
        "_payload/0/x",
        put("Models/iris/4/Artifacts/_payload/0/x", "x"),
    ),
    "document of a deployment edited": (
        "one/3/deployment.json",
        copy_file(
            "Deployments/one/4/deployment.json", "Deployments/one/3/deployment.json"
        ),
    ),
    "document of a deleted version": (
        "one/2/deployment.json",
        put("Deployments/one/2/deployment.json", "{}"),
    ),
}


BY_VERIFY_ONLY = {
    # The newest entry, with its check computed again, says what no step has made.
    *("record edited", "latest wrong", "sealing entry wrong"),
    "alias moved without a step",
}


@pytest.mark.parametrize("name", sorted(TAMPERINGS.keys() - BY_VERIFY_ONLY))
def test_what_was_tampered_with_is_found(name: str, copied: Path) -> None:
    where, tamper = TAMPERINGS[name]
    tamper(copied)
    flaws = read(copied)["flaws"]
    assert [it for it in flaws if where in it], flaws


BY_THE_READER_ONLY = {
    # In the newest entry, with its check computed again.
    "script edited",
    # It may be of a writer that has not begun.
    "payload of nobody",
}


@pytest.mark.parametrize("name", sorted(TAMPERINGS.keys() - BY_THE_READER_ONLY))
def test_verify_finds_it_too(
    name: str, copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hopsartifacts.guard.verify._SECOND_LOOK_S", 0)
    where, tamper = TAMPERINGS[name]
    tamper(copied)
    if where == "project":
        with pytest.raises(FormatError):
            hopsartifacts.login(copied)
        return
    findings = hopsartifacts.login(copied).verify().findings
    # The copy has no modes.
    assert [it for it in findings if it.kind != "unprotected"]


def test_what_has_lost_its_seal_is_no_garbage(copied: Path) -> None:
    place(copied, WINE, 2).unlink()
    report = hopsartifacts.login(copied).gc(grace_s=0)
    assert not [it for it in report.freed if "wine" in it.path]
    assert (copied / "Models/wine/1/Files/weights.bin").exists()
