"""What is changed in a log by hand, the audit finds, at every position."""

import gzip
import json
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from hopsartifacts import Model, Project, layout
from hopsartifacts.digests import sha256_of
from hopsartifacts.documents import encode, with_check, without_check
from hopsartifacts.errors import (
    ConflictError,
    FormatError,
    IntegrityError,
    NotFoundError,
)
from hopsartifacts.storage.memory import MemoryStorage
from hopsartifacts.store.damage import DamagedLogWarning
from hopsartifacts.store.entries import Draft
from hopsartifacts.store.log import Log
from tests.small_pages import make_pages_small
from tests.test_log import Wanted
from tests.test_pages import Thing, change, put, take, things_log

Body = dict[str, Any]
NO_NUMBERS: tuple[object, ...] = (0, -1, "x", 1.5, True, [], None)
Tampered = Iterator[tuple[str, Body]]


def identity(number: int) -> str:
    return sha256_of(b"%d" % number)


@pytest.fixture
def entries(
    clear_memory: None,  # noqa: ARG001 - a fixture
    monkeypatch: pytest.MonkeyPatch,
) -> list[bytes]:
    """The entries of a log in which everything happens that can, from the first."""
    make_pages_small(monkeypatch)
    storage = MemoryStorage(uuid4().hex)
    log = things_log(storage)
    log.append(lambda state, _: Draft(op={"kind": "other"}, state=state))
    for number in range(1, 7):
        put(log, number, Thing(identity=identity(number)))
    put(log, 7, Thing(identity=identity(2)))  # a twin
    put(log, 8, Thing(identity=identity(8), text="x" * 200))
    change(log, 1, "changed")
    change(log, 8, "y" * 200)
    take(log, 2)  # the twin is found instead
    put(log, 21, Thing(identity=identity(21)))
    log.append(lambda state, _: Draft(op={"kind": "other"}, state=state))
    put(log, 22, Thing(identity=identity(22), text="z" * 200))
    put(log, 40, Thing(identity=identity(40)))
    change(log, 3, "w" * 200)
    take(log, 5)
    put(log, 9, Thing(identity=identity(9)))
    change(log, 4, "short")
    found = [storage.read(it.path) for it in reversed(list(storage.find("_log")))]
    assert len(found) == 20
    return found


def opened(data: bytes) -> Body:
    body: Body = json.loads(without_check(gzip.decompress(data)))
    return body


def closed(body: Body) -> bytes:
    return gzip.compress(with_check(encode(body)), mtime=0)


def with_entry(entries: list[bytes], seq: int, body: Body) -> list[bytes]:
    """Return the log with entry *seq* being another, and all after it forged."""
    forged = entries[: seq - 1]
    for later in [body, *map(opened, entries[seq:])]:
        link = {"previous": sha256_of(forged[-1])} if forged else {}
        forged.append(closed({**later, **link}))
    return forged


def is_found(entries: Sequence[bytes | None]) -> bool:
    """Tell whether the audit of a log with these entries fails."""
    storage = MemoryStorage(uuid4().hex)
    for seq, data in enumerate(entries, 1):
        if data is not None:
            storage.write(layout.log_entry("_log", seq), [data])
    try:
        things_log(storage).audit()
    except (IntegrityError, FormatError):
        return True
    return False


def test_what_was_not_changed_is_accepted(entries: list[bytes]) -> None:
    """Also forged again as it was: what the tables find is what they have changed."""
    assert not is_found(entries)
    for seq, data in enumerate(entries, 1):
        assert not is_found(with_entry(entries, seq, opened(data)))


def test_an_entry_that_was_removed_is_found(entries: list[bytes]) -> None:
    """All but the newest, without which the log is what it was before."""
    for at in range(len(entries) - 1):
        assert is_found([*entries[:at], None, *entries[at + 1 :]])


def test_a_byte_that_was_changed_is_found(entries: list[bytes]) -> None:
    """In every entry; in the newest any byte that changes what it says."""
    for at, data in enumerate(entries):
        is_newest = at == len(entries) - 1
        for place in range(0, len(data), 1 if is_newest else 29):
            changed = bytearray(data)
            changed[place] ^= 0x10
            if not is_found([*entries[:at], bytes(changed), *entries[at + 1 :]]):
                assert is_newest
                assert gzip.decompress(changed) == gzip.decompress(data)


def test_an_edit_with_its_check_computed_again_is_found(entries: list[bytes]) -> None:
    """In every entry that another follows."""
    for at, data in enumerate(entries[:-1]):
        edited = closed({**opened(data), "writer": "somebody"})
        assert is_found([*entries[:at], edited, *entries[at + 1 :]])


def test_an_entry_that_another_replaced_is_found(entries: list[bytes]) -> None:
    for at, data in enumerate(entries):
        for other_at, other in enumerate(entries):
            if other_at != at:
                assert is_found([*entries[:at], other, *entries[at + 1 :]])
                moved = {**opened(other), "seq": at + 1}
                assert is_found(with_entry(entries, at + 1, moved)), (at, other_at)
        elsewhere = {**opened(data), "log": "other/_log"}
        assert is_found(with_entry(entries, at + 1, elsewhere))


def pages_of(body: Body) -> list[Body]:
    """Return the pages that are written out."""
    books = [it for it in body["tree"].values() if isinstance(it, dict)]
    return [it for book in books for it in book["pages"] if isinstance(it, dict)]


def places_of(body: Body) -> Iterator[tuple[Any, Any]]:
    """Yield where the number of an entry stands for a book, a page or a record."""
    tree = body["tree"]
    yield from ((tree, number) for number, it in tree.items() if isinstance(it, int))
    for book in tree.values():
        if isinstance(book, dict):
            pages = book["pages"]
            yield from ((pages, at) for at, it in enumerate(pages) if type(it) is int)
    for page in pages_of(body):
        yield from ((page, number) for number, it in page.items() if type(it) is int)


def wrong_integer(body: Body) -> Tampered:
    for at in range(len(list(places_of(body)))):
        for wrong in (-1, 1, -5, 10**6):
            other = deepcopy(body)
            holder, key = list(places_of(other))[at]
            holder[key] += wrong
            yield f"{key} is {wrong:+}", other


def no_number_at_all(body: Body) -> Tampered:
    """What is no number of an entry stands where one is to stand."""
    for at in range(len(list(places_of(body)))):
        for wrong in NO_NUMBERS:
            other = deepcopy(body)
            holder, key = list(places_of(other))[at]
            holder[key] = wrong
            yield f"{key} is {wrong!r}", other


def unexplained_record(body: Body) -> Tampered:
    for at, page in enumerate(pages_of(body)):
        for number, record in page.items():
            if int(number) != body["op"].get("version") and type(record) is not int:
                other = deepcopy(body)
                pages_of(other)[at][number]["text"] = "edited"
                yield number, other


def record_too_many(body: Body) -> Tampered:
    """On the page where it would belong, or where other numbers do."""
    for at, page in enumerate(pages_of(body)):
        near = {int(it) + step for it in page for step in (-2, -1, 1, 2)}
        for number in near | {0, 1000}:
            if str(number) not in page:
                other = deepcopy(body)
                pages_of(other)[at][str(number)] = {"identity": identity(1000)}
                yield f"{number} on page {at}", other


def lost_record(body: Body) -> Tampered:
    for at, page in enumerate(pages_of(body)):
        for number in page:
            other = deepcopy(body)
            del pages_of(other)[at][number]
            yield number, other


def lost_page(body: Body) -> Tampered:
    """A page, or a whole book, is there no longer."""
    for number, book in body["tree"].items():
        other = deepcopy(body)
        del other["tree"][number]
        yield f"book {number}", other
        for at, page in enumerate(book["pages"] if isinstance(book, dict) else ()):
            if page is not None:
                other = deepcopy(body)
                other["tree"][number]["pages"][at] = None
                yield f"page {at} of book {number}", other


def misplaced(body: Body) -> Tampered:
    """A page where another belongs, or a book under another number, or twice."""
    for number, book in body["tree"].items():
        other = deepcopy(body)
        other["tree"]["77"] = other["tree"].pop(number)
        yield f"book {number} renamed", other
        if isinstance(book, dict):
            other = deepcopy(body)
            other["tree"]["78"] = deepcopy(book)
            yield f"book {number} twice", other
            for shift in (-1, 1, 2):
                other = deepcopy(body)
                other["tree"][number]["first"] += shift
                yield f"book {number} shifted by {shift}", other


def record_on_a_wrong_page(body: Body) -> Tampered:
    """What the step has changed is taken from its page to another."""
    changed = str(body["op"].get("version", ""))
    for at, page in enumerate(pages_of(body)):
        for to in range(len(pages_of(body))):
            if changed in page and to != at:
                other = deepcopy(body)
                pages_of(other)[to][changed] = pages_of(other)[at].pop(changed)
                yield f"{changed} on page {to}", other


def wrong_last(body: Body) -> Tampered:
    for wrong in (-1, 1, 1000):
        other = deepcopy(body)
        other["head"]["last"] = other["head"].get("last", 0) + wrong
        yield f"{wrong:+}", other


def wrong_leaf(body: Body) -> Tampered:
    leaves: Body = body.get("index", {})
    for prefix, leaf in leaves.items():
        rest = {it: other for it, other in leaves.items() if it != prefix}
        yield f"{prefix!r} is gone", {**body, "index": rest}
        if isinstance(leaf, int):
            for wrong in (-1, 1, -5):
                index = {**leaves, prefix: leaf + wrong}
                yield f"{prefix!r} in {leaf + wrong}", {**body, "index": index}
            continue
        for key, number in leaf.items():
            others = {it: n for it, n in leaf.items() if it != key}
            for after in ({**leaf, key: number + 1}, others):
                index = {**leaves, prefix: after}
                yield f"{key[:4]} of {prefix!r}", {**body, "index": index}
        strange = {prefix.ljust(64, "0"): 1}
        yield f"{prefix!r}: more", {**body, "index": {**leaves, prefix: leaf | strange}}


def leaves_that_overlap(body: Body) -> Tampered:
    """The one with less digits would be found first, where the other is right."""
    leaves: Body = body.get("index", {})
    for older in range(1, body["seq"]):
        if leaves != {"": older}:
            yield f"all as in {older}", {**body, "index": {"": older}}
            yield f"also as in {older}", {**body, "index": {**leaves, "": older}}
    for prefix in leaves:
        yield f"{prefix}0 too", {**body, "index": {**leaves, f"{prefix}0": {}}}


@pytest.mark.parametrize(
    ("tamper", "at_least"),
    [
        (wrong_integer, 100),
        (no_number_at_all, 200),
        (unexplained_record, 10),
        (record_too_many, 100),
        (lost_record, 30),
        (lost_page, 60),
        (misplaced, 100),
        (record_on_a_wrong_page, 5),
        (wrong_last, 60),
        (wrong_leaf, 200),
        (leaves_that_overlap, 300),
    ],
)
def test_what_the_steps_do_not_explain_is_found(
    entries: list[bytes], tamper: Callable[[Body], Tampered], at_least: int
) -> None:
    """Also where every check, and every link after it, was computed again."""
    tried, missed = 0, list[str]()
    for seq, data in enumerate(entries, 1):
        for how, body in tamper(opened(data)):
            tried += 1
            if not is_found(with_entry(entries, seq, body)):
                missed.append(f"entry {seq}: {how}")
    assert missed == []
    assert tried >= at_least


def test_a_leaf_that_was_not_written_again_is_found(entries: list[bytes]) -> None:
    """The step has changed an identity, and the index is as it was before."""
    before: Body = {}
    tried = 0
    for seq, data in enumerate(entries, 1):
        body = opened(data)
        places = {
            prefix: leaf if isinstance(leaf, int) else seq - 1
            for prefix, leaf in before.items()
        }
        before = body.get("index", {})
        if places and any(isinstance(leaf, dict) for leaf in before.values()):
            tried += 1
            assert is_found(with_entry(entries, seq, {**body, "index": places})), seq
    assert tried >= 8


def test_a_copy_that_is_none_is_found(
    clear_memory: None,  # noqa: ARG001 - a fixture
) -> None:
    """What readers ask for most is carried by later entries, and is what it was."""
    storage = MemoryStorage(uuid4().hex)
    log, tried = Log(storage, "_log", Wanted), 0

    def bring(state: Wanted, seq: int) -> Draft[Wanted]:
        return Draft(op={}, state=state.changed(entry=seq), content={"brought": seq})

    for _ in range(3):
        log.append(bring)
        log.append(lambda state, _: Draft(op={}, state=state))
        log.append(lambda state, _: Draft(op={}, state=state))
    entries = [storage.read(it.path) for it in reversed(list(storage.find("_log")))]
    assert not is_found(entries)
    for seq, data in enumerate(entries, 1):
        body = opened(data)
        carried = body.get("carried")
        for members in ({"content": {"brought": 0}}, {"entry": 2}, {"entry": seq}):
            if carried:
                tried += 1
                other = {**body, "carried": {**carried, **members}}
                assert is_found(with_entry(entries, seq, other))
    assert tried == 18


@pytest.mark.parametrize(
    "wrong",
    [
        {"latest": 1, "sealed": 2},
        {"latest": 9},
        {"sealed": 2},
        {"latest": 0, "sealed": 0},
        {"aliases": {"a": {"version": 2, "by": "me", "when": "now", "entry": 9}}},
        {"aliases": {"a": {"version": 9, "by": "me", "when": "now", "entry": 9}}},
    ],
    ids=str,
)
def test_a_head_that_contradicts_the_records_of_a_model_is_found(
    project: Project, save_model: Callable[..., Model], wrong: Body
) -> None:
    """Nothing names the digest of the newest entry: it is held against itself."""
    for _ in range(3):
        save_model("m")
    models = project.get_model_registry()
    models.get_model("m", 2).delete()
    models.get_model("m", 1).set_alias("a")
    check_head(project, layout.model_log("m"), wrong)


@pytest.mark.parametrize(
    "wrong",
    [{"active": 1}, {"active": 3}, {"entry": 1}, {"status": "deleted"}],
    ids=str,
)
def test_a_head_that_contradicts_the_records_of_a_deployment_is_found(
    project: Project, save_model: Callable[..., Model], wrong: Body
) -> None:
    for _ in range(2):
        save_model("m", framework="sklearn").deploy("d")
    check_head(project, layout.deployment_log("d"), wrong)


def check_head(project: Project, log: str, wrong: Body) -> None:
    assert project.verify().ok
    newest = project.storage.first(log)
    assert newest
    body = opened(project.storage.read(newest))
    project.storage.delete_tree(newest)
    project.storage.create(newest, closed({**body, "head": {**body["head"], **wrong}}))
    found = project.verify().findings
    assert [it.kind for it in found] == ["damaged"]
    assert "unlike its records" in found[0].detail


@pytest.mark.parametrize("content", ["QUJD", "no base64", None])
def test_another_content_of_an_artifact_is_found(
    project: Project,
    model: Model,
    make_script: Callable[..., Path],
    content: str | None,
) -> None:
    """Also in the newest entry, whose digest no other names."""
    model.deploy("d", script_file=make_script())
    newest = layout.log_entry(layout.artifact_log(model.name, 1), 1)
    body = opened(project.storage.read(newest))
    assert body["content"].keys() == {"predictor-predict.py"}
    body["content"] = {"predictor-predict.py": content}
    project.storage.delete_tree(newest)
    project.storage.create(newest, closed(body))
    found = project.verify().findings
    assert [it.kind for it in found] == ["damaged"]


GONE = "it is gone"
"""In place of a value: the member is not there."""
MODEL_LOG, ARTIFACT_LOG = layout.model_log("m"), layout.artifact_log("m", 2)
DEPLOYMENT_LOG = layout.deployment_log("d")
READERS: dict[str, Callable[[Project], object]] = {
    "latest": lambda it: latest(it).manifest,
    "all": lambda it: [
        (found.manifest, found.description)
        for found in it.get_model_registry().get_models("m")
    ],
    "names": lambda it: it.get_model_registry().list_models(),
    "best": lambda it: it.get_model_registry().get_best_model("m", "auc", "max"),
    "aliases": lambda it: it.get_model_registry().get_aliases("m"),
    "alias": lambda it: it.get_model_registry().get_model("m", alias="a"),
    "journal": lambda it: it.get_model_registry().get_alias_history("m", "a"),
    "then": lambda it: it.get_model_registry().get_model(
        "m", alias="a", at="2099-01-01"
    ),
    "changes": lambda it: it.get_model_registry().get_history("m"),
    "deployment": lambda it: it.get_model_serving().get_deployment("d"),
    "deployments": lambda it: it.get_model_serving().get_deployments(),
    "versions": lambda it: it.get_model_serving().get_deployment("d").get_versions(),
    "history": lambda it: it.get_model_serving().get_deployment("d").get_history(),
    "artifacts": lambda it: it.get_model_serving().get_artifacts(latest(it)).list(),
    "script": lambda it: it.get_model_serving().get_artifacts(latest(it)).read(1),
    "catalog": lambda it: it.catalog(),
    "save": lambda it: it.get_model_registry().python.create_model("m").save(__file__),
    "gc": lambda it: it.gc(dry_run=True),
}


def latest(project: Project) -> Model:
    return project.get_model_registry().get_model("m")


def record(number: int, *names: str) -> tuple[str | int, ...]:
    return ("tree", "0", "pages", 0, str(number), *names)


@pytest.mark.parametrize(
    ("log", "seq", "path", "value"),
    [
        (MODEL_LOG, 6, ("head",), {}),
        (MODEL_LOG, 6, ("head",), []),
        (MODEL_LOG, 6, ("head", "latest"), 9),
        (MODEL_LOG, 6, ("head", "sealed"), 99),
        (MODEL_LOG, 6, ("head", "sealed"), -1),
        (MODEL_LOG, 6, ("head", "aliases", "a"), {}),
        (MODEL_LOG, 6, ("head", "aliases", "a", "before"), 1),
        (MODEL_LOG, 6, ("head", "aliases", "a", "when"), "yesterday"),
        (MODEL_LOG, 5, ("op", "record"), GONE),
        (MODEL_LOG, 5, ("op", "record"), [1]),
        (MODEL_LOG, 5, ("op", "record", "version"), "x"),
        (MODEL_LOG, 6, ("tree",), {}),
        (MODEL_LOG, 6, ("tree",), {"0": 1}),
        (MODEL_LOG, 6, ("tree", "0", "pages"), []),
        (MODEL_LOG, 6, ("tree", "0", "pages"), [None]),
        (MODEL_LOG, 6, ("tree", "0", "pages"), [6]),
        (MODEL_LOG, 6, ("tree", "0", "first"), -1),
        (MODEL_LOG, 6, record(2), GONE),
        (MODEL_LOG, 6, record(2), 1),
        (MODEL_LOG, 6, record(2), -1),
        (MODEL_LOG, 6, record(2), "x"),
        (MODEL_LOG, 6, record(2), {}),
        (MODEL_LOG, 6, record(2, "seal"), GONE),
        (MODEL_LOG, 6, record(2, "seal"), 1),
        (MODEL_LOG, 6, record(2, "created"), "yesterday"),
        (MODEL_LOG, 6, record(2, "created"), GONE),
        (MODEL_LOG, 6, record(2, "status"), "reserved"),
        (MODEL_LOG, 6, record(2, "metrics"), {"auc": "x"}),
        (MODEL_LOG, 4, ("content",), None),
        (MODEL_LOG, 4, ("content", "files"), GONE),
        (ARTIFACT_LOG, 1, ("content",), GONE),
        (ARTIFACT_LOG, 1, ("content",), ["x"]),
        (ARTIFACT_LOG, 1, ("head",), None),
        (ARTIFACT_LOG, 1, record(1, "identity"), GONE),
        (ARTIFACT_LOG, 1, record(1, "files"), 3),
        (ARTIFACT_LOG, 1, record(1, "entry"), 2),
        (DEPLOYMENT_LOG, 2, ("op", "kind"), GONE),
        (DEPLOYMENT_LOG, 2, ("op", "version"), GONE),
        (DEPLOYMENT_LOG, 2, ("head", "status"), "sold"),
        (DEPLOYMENT_LOG, 2, ("head", "entry"), 7),
        (DEPLOYMENT_LOG, 2, ("content",), GONE),
        (DEPLOYMENT_LOG, 2, ("content", "model"), GONE),
        (DEPLOYMENT_LOG, 2, record(2, "entry"), 9),
        (DEPLOYMENT_LOG, 2, record(2, "created"), GONE),
        (DEPLOYMENT_LOG, 2, record(2, "model", "version"), "x"),
    ],
    ids=str,
)
def test_readers_say_which_entry_contradicts_itself(
    memory_project: Project,
    make_files: Callable[..., Path],
    make_script: Callable[..., Path],
    log: str,
    seq: int,
    path: tuple[str | int, ...],
    value: object,
) -> None:
    """Its checksum is right, so only what it says can tell; no reader breaks."""
    project = memory_project
    models = project.get_model_registry()
    for number in (1, 2):
        model = models.python.create_model("m", metrics={"auc": number / 4})
        model.save(make_files()).deploy("d", script_file=make_script())
    for version in (1, 2):
        models.set_alias("m", "a", version)
    place = layout.log_entry(log, seq)
    body = opened(project.storage.read(place))
    *above, name = path
    holder: Any = body
    for step in above:
        holder = holder[step]
    if value == GONE:
        del holder[name]
    else:
        holder[name] = value
    project.storage.delete_tree(place)
    project.storage.create(place, closed(body))
    is_ok, found = project.verify().ok, []
    for reader, read in READERS.items():
        try:
            read(project)
        except (IntegrityError, DamagedLogWarning) as told:
            found.append(str(told))
        except NotFoundError:
            assert reader not in {"names", "catalog", "gc"}
        except ConflictError:
            # A number that was used is given again, but its files are in the way.
            assert reader == "save"
    assert found or not is_ok
    assert all(log in it for it in found)
