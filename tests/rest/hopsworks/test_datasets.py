"""The dataset API on the wire: what both generations of the client ask for."""

import json
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from hopsartifacts.project import Project
from hopsartifacts.rest.hosted import ServerSettings
from tests.rest.conftest import bearing
from tests.rest.hopsworks.dataset_wire import Wire


@pytest.fixture
def root(project: Project) -> str:
    return f"/Projects/{project.name}"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A model's files."""
    folder = tmp_path / "weights"
    (folder / "sub").mkdir(parents=True)
    (folder / "weights.bin").write_bytes(bytes(range(256)) * 40)
    (folder / "sub/labels.txt").write_bytes(b"labels")
    (folder / "empty").write_bytes(b"")
    return folder


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "predictor.py"
    path.write_text("class Predict:\n    def predict(self, inputs): return inputs\n")
    return path


def test_a_project_has_four_datasets(wire: Wire, root: str) -> None:
    for path in ("", "/", root):
        listed = wire.listing(path)
        assert listed["count"] == 4
        names = [it["name"] for it in listed["items"]]
        assert names == ["Deployments", "Logs", "Models", "Resources"]
        for item in listed["items"]:
            assert item["datasetType"] == "DATASET"
            assert isinstance(item["id"], int)
            assert item["attributes"]["dir"] is True
            assert item["attributes"]["path"] == f"{root}/{item['name']}"
    for name in names:
        found = wire.stat(name)
        assert found["datasetType"] == "DATASET"
        assert wire.listing(name) == {"count": 0, "items": []}
        assert wire.mkdir(name).status_code == 409
        assert wire.delete(name).status_code == 403


def test_what_is_being_uploaded_outlives_a_refused_removal(wire: Wire) -> None:
    data = b"x" * 20
    wire.chunk("Resources", "x", data, 1, chunk_size=10)
    assert wire.delete("Resources").status_code == 403
    wire.chunk("Resources", "x", data, 2, chunk_size=10)
    assert wire.download("Resources/x").content == data


def test_a_file_is_uploaded_and_read(wire: Wire, root: str) -> None:
    assert wire.stat_status("Resources/a.txt") == 404
    wire.upload("Resources", "a.txt", b"hello")
    found = wire.stat("Resources/a.txt")
    assert "datasetType" not in found
    assert found["zipState"] == "NONE"
    attributes = found["attributes"]
    assert attributes["path"] == f"{root}/Resources/a.txt"
    assert (attributes["name"], attributes["size"]) == ("a.txt", 5)
    assert attributes["dir"] is False
    assert attributes["modificationTime"].endswith("Z")
    forms = (
        *("Resources/a.txt", "/Resources/a.txt", f"{root}/Resources/a.txt"),
        *(f"hdfs://{root}/Resources/a.txt", f"hdfs://nn:8020{root}/Resources/a.txt"),
    )
    for path in (*forms, f"{root}/Resources/a.txt".removeprefix("/")):
        answer = wire.download(path)
        assert answer.content == b"hello"
        assert answer.headers["content-length"] == "5"


def test_chunks_come_in_any_order_and_again(wire: Wire) -> None:
    data = bytes(range(256)) * 10
    for number in (3, 1, 1, 2):
        assert wire.stat_status("Resources/big") == 404
        wire.chunk("Resources", "big", data, number, chunk_size=1000)
    assert wire.download("Resources/big").content == data
    wire.chunk("Resources", "big", data, 2, chunk_size=1000)
    assert wire.download("Resources/big").content == data


@pytest.mark.parametrize("name", ["a b", "50%", "a&b=c", "a+b", "é", "%2F", "a:b"])
def test_names_travel_as_they_are(wire: Wire, root: str, name: str) -> None:
    wire.upload("Resources", name, b"x")
    assert wire.stat(f"Resources/{name}")["attributes"]["name"] == name
    assert wire.download(f"{root}/Resources/{name}").content == b"x"
    assert wire.paths("Resources") == [f"{root}/Resources/{name}"]
    assert wire.delete(f"Resources/{name}").status_code == 204
    assert wire.paths("Resources") == []


@pytest.mark.parametrize("top", ["/", "/Projects/{name}", "hdfs:///Projects/{name}"])
def test_nothing_lies_directly_in_the_project(
    wire: Wire, project: Project, top: str
) -> None:
    refused = wire.send(top.format(name=project.name), "data.csv", b"x")
    assert refused.status_code == 400
    words = "'data.csv' cannot be directly in the project: put it into a folder"
    assert words in refused.json()["usrMsg"]


def test_an_empty_file_is_a_file(wire: Wire) -> None:
    wire.upload("Resources", "empty", b"")
    assert wire.stat("Resources/empty")["attributes"]["size"] == 0
    answer = wire.download("Resources/empty")
    assert (answer.status_code, answer.content) == (200, b"")


def test_a_folder_is_made_and_seen(wire: Wire, root: str) -> None:
    made = wire.mkdir("Resources/a")
    assert made.status_code == 201
    assert made.json()["attributes"]["path"] == f"{root}/Resources/a"
    assert wire.stat("Resources/a")["attributes"]["dir"] is True
    assert wire.listing("Resources/a") == {"count": 0, "items": []}
    assert wire.mkdir("Resources/a").status_code == 409
    wire.upload("Resources/a", "x", b"x")
    assert wire.listing_answer("Resources/a/x").status_code == 400
    assert wire.listing_answer("Resources/b").status_code == 404
    assert wire.download("Resources/a").status_code == 404
    assert wire.mkdir("Mine").status_code == 201
    assert wire.stat("Mine")["datasetType"] == "DATASET"
    assert wire.delete("Mine").status_code == 204
    assert wire.delete("Resources/a").status_code == 204
    assert wire.stat_status("Resources/a") == 404
    assert wire.delete("Resources/a").status_code == 404


def test_thousands_of_entries_are_paged(wire: Wire, tmp_path: Path) -> None:
    folder = tmp_path / "demo/Resources/many"
    folder.mkdir(parents=True)
    for number in range(2500):
        (folder / f"{number:04d}").touch()
    for direction in ("asc", "desc"):
        seen: list[str] = []
        offsets = 0
        while page := wire.listing(
            "Resources/many",
            offset=offsets,
            limit=1000,
            sort_by=f"NAME:{direction}",
            expand="inodes",
        )["items"]:
            seen += [it["attributes"]["name"] for it in page]
            offsets += 1000
        assert len(seen) == 2500
        assert seen == sorted(seen, reverse=direction == "desc")
    assert len(wire.listing("Resources/many")["items"]) == 1000
    far = wire.listing("Resources/many", limit=5000, offset=2400)
    assert (far["count"], len(far["items"])) == (2500, 100)
    assert wire.listing("Resources/many", limit=0)["items"] == []


def test_listings_are_sorted(wire: Wire) -> None:
    for name, size in (("b", 1), ("a", 3), ("c", 1)):
        wire.upload("Resources", name, b"x" * size)

    def names(sort_by: str) -> str:
        listed = wire.listing("Resources", sort_by=sort_by)
        return "".join(it["attributes"]["name"] for it in listed["items"])

    assert names("ID:asc") == names("NAME:asc") == names("NAME") == "abc"
    assert names("NAME:desc") == "cba"
    assert names("SIZE:asc") == "bca"
    assert names("SIZE:desc") == "abc"
    assert len(names("MODIFICATION:desc")) == len(names("modification_time")) == 3
    for wrong in ("COLOUR", "NAME:up", ":"):
        answer = wire.listing_answer("Resources", sort_by=wrong)
        assert answer.status_code == 400
    for wrong_number in ({"offset": -1}, {"limit": -1}, {"limit": "many"}):
        assert wire.listing_answer("Resources", **wrong_number).status_code == 400


@pytest.mark.parametrize(
    ("asked", "status", "got"),
    [
        ("bytes=0-3", 206, b"0123"),
        ("bytes=8-", 206, b"89"),
        ("bytes=-3", 206, b"789"),
        ("bytes=0-", 206, b"0123456789"),
        ("bytes=5-500", 206, b"56789"),
        ("bytes=-500", 206, b"0123456789"),
        ("bytes=10-", 416, None),
        ("bytes=-0", 416, None),
        ("bytes=5-3", 200, b"0123456789"),
        ("bytes=0-1,3-4", 200, b"0123456789"),
        ("bytes=-", 200, b"0123456789"),
        ("lines=1-2", 200, b"0123456789"),
    ],
)
def test_a_range_is_honoured(
    wire: Wire, asked: str, status: int, got: bytes | None
) -> None:
    wire.upload("Resources", "digits", b"0123456789")
    answer = wire.download("Resources/digits", range=asked)
    assert answer.status_code == status
    if got is None:
        assert answer.headers["content-range"] == "bytes */10"
        return
    assert answer.content == got
    assert answer.headers["content-length"] == str(len(got))
    if status == 206:
        first = b"0123456789".index(got)
        assert answer.headers["content-range"] == (
            f"bytes {first}-{first + len(got) - 1}/10"
        )


def test_the_head_of_a_download_has_no_body(wire: Wire) -> None:
    wire.upload("Resources", "a", b"hello")
    answer = wire.client.head(wire.url("download/with_auth", "Resources/a"))
    assert (answer.headers["content-length"], answer.content) == ("5", b"")


def test_files_are_copied_and_moved(wire: Wire) -> None:
    wire.upload("Resources/a", "x", b"x")
    assert wire.post("Resources/a", action="copy", destination_path="Logs/b").is_success
    assert wire.download("Logs/b/x").content == b"x"
    assert wire.post(
        "Resources/a/x", action="move", destination_path="/Resources/y"
    ).is_success
    assert wire.stat_status("Resources/a/x") == 404
    assert wire.download("Resources/y").content == b"x"
    taken = wire.post("Resources/y", action="copy", destination_path="Logs/b/x")
    assert taken.status_code == 409
    gone = wire.post("Resources/none", action="move", destination_path="Logs/c")
    assert gone.status_code == 404
    for target in ("", "Resources", "Top", "../x", "/Projects/other/x"):
        for action in ("copy", "move"):
            answer = wire.post("Resources/y", action=action, destination_path=target)
            assert answer.status_code == 400, target
    for action in ("copy", "move"):
        assert wire.post("Resources/y", action=action).status_code == 400
    whole = wire.post("Models", action="copy", destination_path="Logs/z")
    assert whole.status_code == 400
    whole = wire.post("Resources", action="move", destination_path="Logs/z")
    assert whole.status_code == 403
    assert wire.download("Resources/y").content == b"x"


def test_a_script_in_models_is_the_users(wire: Wire, root: str) -> None:
    script = f"{root}/Models/predict_example.py"
    assert wire.stat_status(script) == 404
    for code in (b"one", b"two"):
        if wire.stat_status(script) == 200:  # as clients overwrite
            assert wire.delete(script).status_code == 204
        wire.upload("Models", "predict_example.py", code)
        assert wire.download(script).content == code
    assert wire.send("Models", "predict_example.py", b"three").status_code == 409
    assert wire.stat(script)["attributes"]["size"] == 3
    assert wire.listing_answer(script).status_code == 400
    for action in ("copy", "move"):
        moved = wire.post(script, action=action, destination_path=f"Logs/{action}.py")
        assert moved.is_success, moved.text
        back = wire.post(f"Logs/{action}.py", action="move", destination_path=script)
        assert back.status_code == (409 if action == "copy" else 201)
    wire.mkdir(f"{root}/Models/m/1")
    wire.mkdir(f"{root}/Models/m/1/Files")
    target = f"{root}/Models/m/1/Files/code.py"
    assert wire.post(script, action="copy", destination_path=target).is_success
    wire.register("m", 1)
    out = {"action": "copy", "destination_path": "Models/out.py"}
    assert wire.post(target, **out).is_success
    assert wire.names("Models") == ["m", "out.py", "predict_example.py"]
    assert wire.post(script, action="zip").is_success
    assert wire.hosted.project.verify().ok


@pytest.mark.parametrize(
    ("status", "asked"),
    [
        (403, ("copy", "Resources/x", "Models/x")),
        (403, ("move", "Resources/x", "Models/x")),
        (400, ("copy", "Logs/f", "Models/x.d")),
        (400, ("move", "Logs/f", "Models/x.d")),
        (400, ("create", "Models/x.d", None)),
        (403, ("unzip", "Models/a.zip", None)),
    ],
)
def test_nothing_but_files_with_a_dot_is_the_users_in_models(
    wire: Wire, status: int, asked: tuple[str, str, str | None]
) -> None:
    wire.upload("Resources", "x", b"x")
    wire.upload("Logs/f", "x", b"x")
    wire.upload("Models", "a.zip", b"x")
    action, path, target = asked
    answer = wire.post(path, action=action, destination_path=target)
    assert answer.status_code == status, answer.text
    refused = wire.send("Models", "README", b"x")
    assert refused.status_code == 403
    assert "'Resources'" in refused.json()["usrMsg"]
    assert wire.names("Models") == ["a.zip"]


def test_folders_are_zipped_and_unzipped(wire: Wire) -> None:
    wire.upload("Resources/a", "x", b"x")
    packed = wire.post("Resources/a", action="zip")
    assert packed.json()["attributes"]["name"] == "a.zip"
    assert wire.stat("Resources/a")["zipState"] == "NONE"
    data = wire.download("Resources/a.zip").content
    assert zipfile.ZipFile(BytesIO(data)).namelist() == ["x"]
    into = {"destination_path": "Logs", "destination_type": "DATASET"}
    assert wire.post("Resources/a", action="zip", **into).is_success
    assert wire.post("Logs/a.zip", action="unzip").is_success
    assert wire.download("Logs/a/x").content == b"x"
    wire.upload("Resources", "bad.zip", b"no archive")
    assert wire.post("Resources/bad.zip", action="unzip").status_code == 400
    top = wire.post("Resources", action="zip")
    assert top.status_code == 400
    assert "'Resources.zip' cannot be directly in the project" in top.text
    within = wire.post("Resources", action="zip", destination_path="Resources")
    assert within.is_success
    assert wire.post("Models/m", action="zip").status_code == 403


def test_what_is_not_offered_says_so(wire: Wire) -> None:
    wire.upload("Resources", "x", b"x")
    url = wire.url("", "Resources/x")
    answers = [
        wire.client.put(url, params={"action": "PERMISSION", "permissions": "u+x"}),
        # A client that takes a share back sends this; it deletes nothing.
        wire.client.delete(url, params={"action": "UNSHARE", "target_project": "b"}),
        wire.client.post(url, params={"action": "SHARE", "target_project": "b"}),
        wire.client.post(url),
        wire.client.get(url, params={"action": "blob"}),
    ]
    for answer in answers:
        assert answer.status_code == 422
        assert "is not possible here" in answer.json()["usrMsg"]
    assert wire.download("Resources/x").content == b"x"


def test_a_sealed_version_is_shown_as_it_was_saved(
    wire: Wire, project: Project, files: Path, root: str
) -> None:
    """Clients see the files of a version, but no files of the project itself."""
    registry = project.get_model_registry()
    model = registry.python.create_model("m", input_example=[1, 2]).save(files)
    top = f"{root}/Models/m/1"
    assert wire.paths("Models") == [f"{root}/Models/m"]
    assert wire.paths("Models/m") == [top]
    assert wire.paths("Models/m/1") == [
        f"{top}/{name}" for name in ("Artifacts", "Files", "input_example.json")
    ]
    assert wire.paths("Models/m/1/Files") == [
        f"{top}/Files/{name}" for name in ("empty", "sub", "weights.bin")
    ]
    for path in ("sub/labels.txt", "weights.bin", "empty"):
        data = (files / path).read_bytes()
        assert wire.stat(f"{top}/Files/{path}")["attributes"]["size"] == len(data)
        assert wire.download(f"{top}/Files/{path}").content == data
    example = wire.download(f"{top}/input_example.json")
    assert json.loads(example.content) == [1, 2]
    assert wire.paths("Models/m/1/Artifacts") == [f"{top}/Artifacts/0"]
    assert wire.paths("Models/m/1/Artifacts/0") == []
    assert model.version == 1
    for hidden in (
        "Models/m/_log",
        "Models/m/_log/000000000001.json",
        "Models/m/_log/v000000000001.json",
        "Models/m/1/Artifacts/_log",
        "Models/m/2",
        "Models/m/01",
        "Models/other",
        ".hopsartifacts",
        ".hopsartifacts/project.json",
        "models/m/1/Files/weights.bin",
    ):
        assert wire.stat_status(hidden) == 404, hidden
        assert wire.download(hidden).status_code == 404, hidden


def test_nothing_sealed_is_changed(
    wire: Wire, project: Project, files: Path, script: Path
) -> None:
    """Each operation that writes is refused at each level of the managed folders."""
    registry = project.get_model_registry()
    registry.python.create_model("m").save(files).deploy("dep", script_file=str(script))
    wire.upload("Resources", "x", b"x")
    for path in (
        "Models/m/1/Files/weights.bin",
        "Models/m/1/Files",
        "Models/m/1",
        "Models/m",
        "Models/m/1/Artifacts/1/predictor-predictor.py",
        "Deployments/dep/1",
        "Deployments/dep",
    ):
        answers = [wire.delete(path), wire.mkdir(f"{path}/new")]
        answers += [
            wire.post(path, action="move", destination_path="Resources/y"),
            wire.post("Resources/x", action="copy", destination_path=path),
            wire.post("Resources/x", action="move", destination_path=f"{path}/y"),
            wire.post(path, action="zip"),
            wire.post(path, action="unzip"),
        ]
        for answer in answers:
            assert answer.status_code in {400, 403, 404, 409}, (path, answer.text)
    for folder in ("Models/m/1/Files", "Models/m/1", "Models", "Deployments/dep/1"):
        assert wire.send(folder, "new", b"x").status_code in {400, 403, 409}
    assert wire.download("Resources/x").content == b"x"
    assert project.verify().ok


def test_an_artifact_is_found_in_both_places(
    wire: Wire, project: Project, files: Path, script: Path, root: str
) -> None:
    model = project.get_model_registry().python.create_model("m").save(files)
    model.deploy("dep", script_file=str(script))
    assert wire.paths("Models/m/1/Artifacts") == [
        f"{root}/Models/m/1/Artifacts/{number}" for number in (0, 1)
    ]
    assert wire.paths("Deployments") == [f"{root}/Deployments/dep"]
    assert wire.paths("Deployments/dep") == [f"{root}/Deployments/dep/1"]
    for folder in ("Models/m/1/Artifacts/1", "Deployments/dep/1"):
        [path] = wire.paths(folder)
        assert path == f"{root}/{folder}/predictor-predictor.py"
        assert wire.download(path).content == script.read_bytes()
        assert wire.download(path, range="bytes=6-12").content == b"Predict"
    for hidden in ("Deployments/dep/_log", "Deployments/dep/1/deployment.json"):
        assert wire.stat_status(hidden) == 404
    assert wire.stat_status("Deployments/dep/2") == 404


def test_a_model_is_uploaded_as_both_clients_do(
    wire: Wire, project: Project, root: str
) -> None:
    assert wire.stat("Models")
    assert wire.stat_status("Models/m") == 404
    assert wire.mkdir(f"{root}/Models/m").status_code == 201
    assert wire.listing("Models/m", sort_by="NAME:desc", limit=1000)["items"] == []
    top = f"{root}/Models/m/1"
    for folder in (top, f"{top}/Files", f"{top}/Files/sub"):
        made = wire.mkdir(folder)
        assert made.status_code == 201
        assert made.json()["attributes"]["path"] == folder
    for folder, name in ((f"{top}/Files", "w.bin"), (f"{top}/Files/sub", "l.txt")):
        assert wire.stat_status(f"{folder}/{name}") == 404
        wire.upload(folder, name, name.encode())
        assert wire.stat(f"{folder}/{name}")["attributes"]["underConstruction"] is True
    assert wire.stat_status(f"{top}/input_example.json") == 404
    wire.upload(top, "input_example.json", b"[1]")
    others = bearing("writer")
    assert wire.client.get(wire.url("", top), headers=others).status_code == 404
    assert wire.names("Models/m") == ["1"]
    wire.register("m", 1)
    assert wire.names("Models/m/1/Files") == ["sub", "w.bin"]
    assert wire.download(f"{top}/Files/sub/l.txt").content == b"l.txt"
    assert wire.client.get(wire.url("", top), headers=others).status_code == 200
    # A client whose poll was interrupted cleans up; nothing happens.
    assert wire.delete(top).status_code == 403
    assert project.verify().ok


def test_a_model_is_made_of_files_in_the_project(wire: Wire, root: str) -> None:
    wire.upload("Resources/trained", "w.bin", b"w")
    wire.upload("Resources/trained/sub", "l.txt", b"l")
    for folder in ("m", "m/1", "m/1/Files"):
        assert wire.mkdir(f"{root}/Models/{folder}").status_code == 201
    for name in wire.names("Resources/trained"):
        target = f"{root}/Models/m/1/Files/{name}"
        answer = wire.post(
            f"{root}/Resources/trained/{name}", action="move", destination_path=target
        )
        assert answer.is_success, answer.text
    wire.register("m", 1)
    assert wire.download("Models/m/1/Files/sub/l.txt").content == b"l"
    # What is moved into a model stays: a save that fails would have lost it.
    assert wire.download("Resources/trained/w.bin").content == b"w"
    copied = wire.post("Models/m/1/Files", action="copy", destination_path="Logs/m")
    assert copied.is_success
    assert wire.names("Logs/m") == ["sub", "w.bin"]


def test_a_refused_claim_deletes_nothing(wire: Wire, root: str) -> None:
    top = f"{root}/Models/m/1"
    assert wire.mkdir(top).status_code == 201
    loser = bearing("writer")
    params = {"action": "create", "type": "DATASET"}
    refused = wire.client.post(wire.url("", top), params=params, headers=loser)
    assert refused.status_code == 409
    assert wire.client.delete(wire.url("", top), headers=loser).status_code == 204
    assert wire.stat(top)
    assert wire.client.delete(wire.url("", top), headers=loser).status_code in {
        403,
        404,
    }
    assert wire.delete(top).status_code == 204
    assert wire.stat_status(top) == 404


def test_scripts_wait_for_their_deployment(wire: Wire, root: str) -> None:
    headers = bearing("deployer")
    folder = f"{root}/Deployments/dep"
    for part in ("", "/resources", "/resources/predictor"):
        url = wire.url("", f"{folder}{part}")
        made = wire.client.post(url, params={"action": "create"}, headers=headers)
        assert made.status_code == 201, made.text
    scripts = f"{folder}/resources/predictor"
    wire.send(scripts, "p.py", b"class Predict: ...", headers=headers)
    url = wire.url("download/with_auth", f"{scripts}/p.py")
    assert wire.client.get(url, headers=headers).content == b"class Predict: ..."
    assert wire.stat_status(scripts) == 404
    answer = wire.client.delete(wire.url("", f"{scripts}/p.py"), headers=headers)
    assert answer.status_code == 204
    for path in ("Resources/x", "Models/m"):
        url = wire.url("", path)
        made = wire.client.post(url, params={"action": "create"}, headers=headers)
        assert made.status_code == 403


def test_a_reader_changes_nothing(wire: Wire) -> None:
    wire.upload("Resources", "x", b"x")
    headers, url = bearing("reader"), wire.url("", "Resources/x")
    assert wire.client.get(url, headers=headers).status_code == 200
    for answer in (
        wire.client.delete(url, headers=headers),
        wire.client.post(url, params={"action": "create"}, headers=headers),
        wire.client.post(
            url,
            params={"action": "copy", "destination_path": "Logs/x"},
            headers=headers,
        ),
        wire.send("Resources", "y", b"y", headers=headers),
    ):
        assert (answer.status_code, answer.json()["errorCode"]) == (403, 320004)


def test_another_project_is_not_here(wire: Wire) -> None:
    other = wire.base.replace(str(wire.hosted.project_id), "1")
    assert wire.client.get(f"{other}/Resources").status_code == 404


FORM = {
    "templateId": "-1",
    "flowChunkSize": "10",
    "flowTotalSize": "1",
    "flowFilename": "x",
    "flowTotalChunks": "1",
    "flowCurrentChunkSize": "1",
    "flowChunkNumber": "1",
}


@pytest.mark.parametrize(
    "changed",
    [
        {"flowChunkNumber": "0"},
        {"flowChunkNumber": "2"},
        {"flowChunkNumber": "one"},
        {"flowChunkNumber": "9" * 400},
        {"flowTotalSize": "-1"},
        {"flowTotalSize": "2"},
        {"flowChunkSize": "0"},
        {"flowCurrentChunkSize": "2"},
        {"flowFilename": ""},
        {"flowFilename": "../x"},
        {"flowFilename": "a/b"},
        {"flowFilename": "a\\b"},
        {"flowFilename": ".."},
        {"flowFilename": None},
        {"flowTotalChunks": None},
    ],
)
def test_a_wrong_form_is_refused(wire: Wire, changed: dict[str, Any]) -> None:
    form = {k: v for k, v in {**FORM, **changed}.items() if v is not None}
    url = wire.url("upload", "Resources")
    answer = wire.client.post(url, data=form, files={"file": ("x", b"x")})
    assert answer.status_code == 400, answer.text
    assert wire.paths("Resources") == []


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("", b""),
        ("text/plain", b"x"),
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=", b"x"),
        ("multipart/form-data; boundary=b", b"x"),
        ("multipart/form-data; boundary=b", b"--b\r\n\r\nx\r\n--b--\r\n"),
        ("multipart/form-data; boundary=b; charset=none", b"--b--\r\n"),
        ("multipart/form-data; boundary=" + "b" * 300, b"--b--\r\n"),
    ],
)
def test_a_body_that_is_no_form_is_refused(wire: Wire, kind: str, body: bytes) -> None:
    url = wire.url("upload", "Resources")
    answer = wire.client.post(url, content=body, headers={"content-type": kind})
    assert answer.status_code == 400, answer.text


def test_a_form_without_a_file_is_refused(wire: Wire) -> None:
    url = wire.url("upload", "Resources")
    many = {f"field{number}": "x" for number in range(100)}
    for data in ({**FORM, "file": "x"}, {**FORM, **many}):
        answer = wire.client.post(url, data=data, files={"other": ("x", b"x")})
        assert answer.status_code == 400


def test_a_chunk_has_a_bound(wire: Wire) -> None:
    wire.hosted.settings = ServerSettings(max_raw_bytes=100_000)
    assert wire.send("Resources", "x", b"x" * 200_000).status_code == 413
    url = wire.url("upload", "Resources")
    kind = {"content-type": "multipart/form-data; boundary=b"}

    def unannounced() -> Iterator[bytes]:
        disposition = b'form-data; name="file"; filename="x"'
        yield b"--b\r\ncontent-disposition: %s\r\n\r\n" % disposition
        for _ in range(100):
            yield b"x" * 10_000

    assert wire.client.post(url, content=unannounced(), headers=kind).status_code == 413
    assert wire.names("Resources") == []


def test_a_path_is_decoded_once(wire: Wire) -> None:
    wire.upload("Resources", "a%2Fb", b"once")
    twice = quote(quote("Resources/a/b", safe=""), safe="")
    assert wire.client.get(f"{wire.base}/{twice}").status_code == 404
    assert wire.download("Resources/a%2Fb").content == b"once"
