"""A bundle that is damaged or made to do harm is refused before anything is stored."""

import gzip
import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

import hopsartifacts
from hopsartifacts import Project
from hopsartifacts.bundles.reader import BundleReader
from hopsartifacts.digests import Digest, digest_of, xxh3_of
from hopsartifacts.errors import (
    FormatError,
    HopsArtifactsError,
    InvalidBundleError,
    StorageError,
)
from hopsartifacts.storage.memory import MemoryStorage

Json = dict[str, Any]
Members = list[tuple[tarfile.TarInfo, bytes]]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the bytes of a good bundle: one model, an artifact, a deployment."""
    folder = tmp_path_factory.mktemp("bundle")
    (folder / "model" / "sub").mkdir(parents=True)
    (folder / "model" / "weights.bin").write_bytes(b"weights")
    (folder / "model" / "sub" / "more.bin").write_bytes(b"more")
    (folder / "predict.py").write_text("class Predictor:\n    pass\n")
    project = hopsartifacts.login(folder / "project")
    model = project.get_model_registry().python.create_model(
        "m", metrics={"auc": 0.5}, input_example=[1], tags={"stage": "test"}
    )
    model.save(folder / "model").deploy("d", script_file=folder / "predict.py")
    project.export_bundle(folder / "b.tar")
    return (folder / "b.tar").read_bytes()


def unpacked(bundle: bytes) -> Members:
    with tarfile.open(fileobj=io.BytesIO(bundle)) as archive:
        return [
            (member, archive.extractfile(member).read())  # type: ignore[union-attr]  # files
            for member in archive
        ]


def packed(members: Members) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for info, data in members:
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def member(
    name: str, data: bytes = b"", **fields: Any
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, data


def renamed(members: Members, change: Callable[[str], str]) -> Members:
    first, (info, data), *rest = members
    return [first, member(change(info.name), data), *rest]


def enveloped(contents: Json, **fields: Any) -> bytes:
    body = msgspec.json.encode(contents)
    envelope = {
        "format": 1,
        "check": xxh3_of([body])[1],
        "bundle": msgspec.Raw(body),
        **fields,
    }
    return msgspec.json.encode(envelope)


def with_contents(bundle: bytes, change: Callable[[Json], object]) -> bytes:
    (_, data), *rest = unpacked(bundle)
    contents = msgspec.json.decode(data)["bundle"]
    change(contents)
    return packed([member("bundle.json", enveloped(contents)), *rest])


def refused(
    target: Project, path: Path, data: bytes, words: str, snapshot: Any
) -> None:
    path.write_bytes(data)
    with pytest.raises(InvalidBundleError, match=words):
        target.import_bundle(path)
    assert snapshot(target) == {}


EVIL = b"#!evil"
ARCHIVES: dict[str, tuple[Callable[[Members], Members], str]] = {
    "absolute": (lambda it: [*it, member("/etc/evil", EVIL)], "not in its table"),
    "upwards": (lambda it: [*it, member("../evil", EVIL)], "not in its table"),
    "more": (lambda it: [*it, member("blobs/sha256/00", EVIL)], "not in its table"),
    "folder": (lambda it: [*it, member("x", type=tarfile.DIRTYPE)], "a directory"),
    "link": (
        lambda it: [*it, member("x", type=tarfile.SYMTYPE, linkname="/etc/passwd")],
        "a symbolic link",
    ),
    "hard link": (
        lambda it: [*it, member("x", type=tarfile.LNKTYPE, linkname="bundle.json")],
        "a hard link",
    ),
    "device": (lambda it: [*it, member("x", type=tarfile.CHRTYPE)], "a device"),
    "pipe": (lambda it: [*it, member("x", type=tarfile.FIFOTYPE)], "a pipe"),
    "sparse": (lambda it: [*it, member("x", type=b"S")], "a sparse file"),
    "long name": (lambda it: [*it, member("x" * 300, EVIL)], "of type b'L'"),
    "twice": (lambda it: [*it, it[1]], "occurs twice"),
    "contents twice": (lambda it: [*it, it[0]], "not in its table"),
    "case twin": (lambda it: renamed(it, str.upper), "not in its table"),
    "renamed to leave": (lambda it: renamed(it, lambda it: f"../{it}"), "not in its"),
    "one less": (lambda it: it[:-1], "is missing"),
    "contents last": (lambda it: [*it[1:], it[0]], "does not begin with bundle.json"),
    "no contents": (lambda it: it[1:], "does not begin with bundle.json"),
    "nothing": (lambda _: [], "does not begin with bundle.json"),
    "longer": (
        lambda it: [*it[:-1], member(it[-1][0].name, it[-1][1] + b"x")],
        "bytes instead of the declared",
    ),
    "other bytes": (
        lambda it: [*it[:-1], member(it[-1][0].name, bytes(len(it[-1][1])))],
        "were changed",
    ),
}


@pytest.mark.parametrize("case", ARCHIVES)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "compressed"])
def test_an_archive_that_is_not_as_declared_is_refused(
    bundle: bytes,
    target: Project,
    tmp_path: Path,
    snapshot: Any,
    case: str,
    pack: Callable[[bytes], bytes],
) -> None:
    change, words = ARCHIVES[case]
    data = packed(change(unpacked(bundle)))
    # What is too much of a compressed bundle is not even unpacked.
    either = f"{words}|more than the .* declares" if pack is not bytes else words
    refused(target, tmp_path / "b.tar", pack(data), either, snapshot)


OTHERS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty file": (lambda _: b"", "is not a bundle"),
    "no archive": (lambda _: b"PK\x03\x04" * 1000, "is not a bundle"),
    "junk behind": (lambda it: it + b"evil" + bytes(508), "after its end"),
    "archive behind": (lambda it: it + it, "data after its end"),
    "zeros behind": (lambda it: it + bytes(1_000_000), "damaged end"),
    "no end": (lambda it: it.rstrip(b"\0"), "truncated|damaged|does not end"),
    "cut gzip": (lambda it: gzip.compress(it)[:-20], "damaged or truncated"),
    "no gzip": (lambda _: b"\x1f\x8b" + bytes(100), "damaged or truncated"),
    "damaged gzip": (
        lambda it: (packed := gzip.compress(it))[:300] + b"??" + packed[302:],
        "damaged|changed since|were changed",
    ),
    "bomb": (
        lambda it: gzip.compress(it + bytes(100_000_000)),
        "more than the .* bytes it declares",
    ),
    "contents of a gigabyte": (
        lambda _: gzip.compress(huge()),
        "at most .* are allowed",
    ),
}


def huge() -> bytes:
    info, _ = member("bundle.json")
    info.size = 1 << 30
    return info.tobuf(tarfile.GNU_FORMAT) + bytes(20_000)


@pytest.mark.parametrize("case", OTHERS)
def test_what_is_no_bundle_is_refused(
    bundle: bytes, target: Project, tmp_path: Path, snapshot: Any, case: str
) -> None:
    change, words = OTHERS[case]
    refused(target, tmp_path / "b.tar", change(bundle), words, snapshot)


def test_a_bundle_cut_anywhere_is_refused(
    bundle: bytes, target: Project, tmp_path: Path, snapshot: Any
) -> None:
    content = len(bundle.rstrip(b"\0"))
    for length in {*range(0, content + 512, 512), *range(1, content, 777)}:
        words = "truncated|is not a bundle|does not begin|missing"
        refused(target, tmp_path / "b.tar", bundle[:length], words, snapshot)


def test_a_flipped_bit_is_found_or_of_no_account(bundle: bytes, tmp_path: Path) -> None:
    path = tmp_path / "b.tar"
    path.write_bytes(bundle)
    with BundleReader.open(path) as reader:
        good = reader.contents
    found = 0
    for at in range(len(bundle.rstrip(b"\0"))):
        flipped = bundle[at] ^ 1 << at % 8
        path.write_bytes(bundle[:at] + bytes([flipped]) + bundle[at + 1 :])
        try:
            with BundleReader.open(path) as reader:
                reader.check()
                assert reader.contents == good
        except (InvalidBundleError, FormatError):
            found += 1
    assert found > 3000


def model(contents: Json) -> Json:
    found: Json = contents["models"][0]
    return found


def manifest(contents: Json) -> Json:
    found: Json = model(contents)["manifest"]
    return found


def set_path(path: str, at: int = 0) -> Callable[[Json], object]:
    return lambda it: manifest(it)["files"][at].update(path=path)


def specification(contents: Json) -> Json:
    found: Json = contents["deployments"][0]["specification"]
    return found


def artifact(contents: Json) -> Json:
    found: Json = model(contents)["artifacts"][0]
    return found


DECLARATIONS: dict[str, tuple[Callable[[Json], object], str]] = {
    "path upwards": (set_path("../../evil"), r"'\.\./\.\./evil' cannot be stored"),
    "path absolute": (set_path("/etc/evil"), "cannot be stored"),
    "path with backslash": (set_path("a\\b"), "cannot be stored"),
    "path empty": (set_path(""), "cannot be stored"),
    "path twice": (set_path("weights.bin"), "'weights.bin' occurs twice"),
    "path twin": (set_path("Weights.bin"), "differ only in case"),
    "file and folder": (set_path("weights.bin/x"), "both a file and a folder"),
    "no file": (lambda it: manifest(it).update(files=[]), "has no files"),
    "model name": (lambda it: manifest(it).update(model="../m"), "not a valid model"),
    "version 0": (lambda it: manifest(it).update(version=0), "is not a version"),
    "framework": (lambda it: manifest(it).update(framework="COBOL"), "COBOL|readable"),
    "metric": (lambda it: manifest(it).update(metrics={"": 1}), "metric name"),
    "tag": (lambda it: model(it).update(tags={"a/b": 1}), "tag name"),
    "alias": (lambda it: model(it).update(aliases=["a/b"]), "'a/b'"),
    "alias twice": (lambda it: model(it).update(aliases=["a", "a"]), "occurs twice"),
    "description": (lambda it: model(it).update(description=1), "readable"),
    "example": (
        lambda it: manifest(it)["input_example"].update(text="[2]"),
        "differs from its digest",
    ),
    "unheld bytes": (
        lambda it: manifest(it)["files"][0].update(
            digest=msgspec.to_builtins(digest_of(b"elsewhere"))
        ),
        "not among its members",
    ),
    "strange digest": (
        lambda it: it["members"][0].update(sha256="sha256:../../evil"),
        "not a valid digest",
    ),
    "member twice": (
        lambda it: it["members"].append(it["members"][0]),
        "occurs twice",
    ),
    "model twice": (
        lambda it: it["models"].append(it["models"][0]),
        "model version .* occurs twice",
    ),
    "artifact path": (
        lambda it: artifact(it)["files"][0].update(path="../predict.py"),
        "cannot be stored",
    ),
    "artifact role": (
        lambda it: artifact(it)["files"][0].update(role="transformer"),
        "not a valid name for a transformer",
    ),
    "artifact 0": (lambda it: artifact(it).update(version=0), "has no files"),
    "artifact identity": (
        lambda it: artifact(it).update(identity="sha256:" + "0" * 64),
        "does not match its declared identity",
    ),
    "deployment name": (
        lambda it: specification(it).update(name="a-b"),
        "not a valid deployment name",
    ),
    "deployment tag": (
        lambda it: it["deployments"][0].update(tags={"a/b": 1}),
        "tag name",
    ),
    "deployment twice": (
        lambda it: it["deployments"].append(it["deployments"][0]),
        "deployment 'd' occurs twice",
    ),
    "unheld model": (
        lambda it: specification(it)["model"].update(version=2),
        "not in the bundle",
    ),
    "other model": (
        lambda it: specification(it)["model"].update(id="0" * 32),
        "not in the bundle",
    ),
    "unheld artifact": (
        lambda it: specification(it)["artifact"].update(version=2),
        "is not in the bundle",
    ),
    "other script": (
        lambda it: specification(it)["predictor"].update(script="../../evil.py"),
        "as its predictor",
    ),
    "framework of the pin": (
        lambda it: specification(it)["model"].update(framework="SKLEARN"),
        "its model is PYTHON",
    ),
    "server": (
        lambda it: specification(it).update(model_server="VLLM"),
        "on VLLM, but its model is PYTHON",
    ),
    "rules": (
        lambda it: specification(it).update(
            serving_tool="DEFAULT", inference_batcher={"enabled": True}
        ),
        "has no batcher",
    ),
    "resources": (
        lambda it: specification(it)["predictor"]["resources"].update(num_instances=-5),
        "num_instances",
    ),
    "missing field": (lambda it: it.pop("members"), "members"),
    "wrong type": (lambda it: it.update(models=5), "models"),
}


@pytest.mark.parametrize("case", DECLARATIONS)
def test_declarations_that_break_a_rule_are_refused(
    bundle: bytes, target: Project, tmp_path: Path, snapshot: Any, case: str
) -> None:
    change, words = DECLARATIONS[case]
    data = with_contents(bundle, change)
    assert data != bundle
    refused(target, tmp_path / "b.tar", data, words, snapshot)


def test_contents_nested_too_deeply_are_refused(
    bundle: bytes, target: Project, tmp_path: Path, snapshot: Any
) -> None:
    (_, _), *rest = unpacked(bundle)
    deep = b'{"format":1,"check":"","bundle":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    data = packed([member("bundle.json", deep), *rest])
    refused(target, tmp_path / "b.tar", data, "get the bundle again", snapshot)


@pytest.mark.parametrize("number", [0, 2])
def test_a_bundle_of_another_format_is_refused(
    bundle: bytes, target: Project, tmp_path: Path, snapshot: Any, number: int
) -> None:
    (_, data), *rest = unpacked(bundle)
    contents = msgspec.json.decode(data)["bundle"]
    first = member("bundle.json", enveloped(contents, format=number))
    (tmp_path / "b.tar").write_bytes(packed([first, *rest]))

    with pytest.raises(FormatError, match=f"bundle format {number}.*upgrade"):
        target.import_bundle(tmp_path / "b.tar")
    assert snapshot(target) == {}


def test_a_good_bundle_packed_again_is_imported(
    bundle: bytes, target: Project, tmp_path: Path
) -> None:
    # So that what is refused above is refused for what was changed.
    (tmp_path / "b.tar").write_bytes(with_contents(bundle, lambda _: None))
    assert len(target.import_bundle(tmp_path / "b.tar").models) == 1


@pytest.mark.parametrize("name", ["missing.tar", "."])
def test_a_bundle_that_cannot_be_read_is_told(
    target: Project, tmp_path: Path, name: str
) -> None:
    with pytest.raises(StorageError, match="cannot read"):
        target.import_bundle(tmp_path / name)


def test_the_reader_finds_bytes_by_their_digest(bundle: bytes, tmp_path: Path) -> None:
    path = tmp_path / "b.tar"
    for data in (bundle, gzip.compress(bundle)):
        path.write_bytes(data)
        with BundleReader.open(path) as reader:
            chunks = reader.find(digest_of(b"weights"))
            assert chunks is not None
            assert b"".join(chunks) == b"weights"
            assert reader.find(digest_of(b"not there")) is None
            unlike = msgspec.structs.replace(digest_of(b"weights"), xxh3="xxh3-128:0")
            assert reader.find(unlike) is None


def test_damaged_bytes_are_found_before_the_last_of_them_is_given(
    bundle: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "b.tar"
    path.write_bytes(bundle.replace(b"weights\0", b"freight\0"))
    with BundleReader.open(path) as reader:
        digest: Digest = digest_of(b"weights")
        chunks = reader.find(digest)
        assert chunks is not None
        with pytest.raises(InvalidBundleError, match="were changed"):
            next(chunks)


def test_every_error_is_one_of_ours(bundle: bytes, tmp_path: Path) -> None:
    path = tmp_path / "b.tar"
    storage = MemoryStorage("errors")
    for length in range(0, len(bundle), 4096):
        path.write_bytes(bundle[:length] + b"\xff" * 700 + bundle[length + 700 :])
        with pytest.raises(HopsArtifactsError):
            hopsartifacts.login(storage=storage).import_bundle(path)
