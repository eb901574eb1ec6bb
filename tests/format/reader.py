"""A second reader of projects, written from docs/format.md alone; it shares no code.

``python tests/format/reader.py <folder>`` prints all versions, and each flaw, as JSON.
"""

import base64
import gzip
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import xxhash

Json = dict[str, Any]
LIVE = {"sealed", "made", "live", "deleting"}
CARRY, NEW = ["id", "identity"], {None}
STEPS: dict[
    str, tuple[Any, str, str, list[str]]
] = {  # from which status; to which; the member that is the entry; what may be new
    "reserve": (NEW, "reserved", "reserved", []),
    "seal": (["reserved"], "sealed", "seal", ["tags", "description"]),
    "abort": (["reserved"], "aborted", "", CARRY),
    "tag": (LIVE, "", "", ["tags"]),
    "describe": (LIVE, "", "", ["description"]),
    "mark": (["sealed", "made"], "deleting", "mark", []),
    "withdraw": (["deleting"], "", "", []),
    "delete": (["deleting"], "deleted", "", CARRY),
    "create": (NEW, "made", "entry", ["identity", "files", "payload"]),
    "save": (NEW, "live", "entry", ["created", "creator"]),
    "take back": (["live"], "deleted", "", []),
    "delete version": (["live"], "deleted", "", []),
}


def digest(data: bytes) -> Json:
    both = hashlib.sha256(data).hexdigest(), xxhash.xxh3_128_hexdigest(data)
    sha256, xxh3 = f"sha256:{both[0]}", f"xxh3-128:{both[1]}"
    return {"size_bytes": len(data), "sha256": sha256, "xxh3": xxh3}


def checked(data: bytes) -> str:
    check = digest(data[:-53] + b"}")["xxh3"]
    assert data[-53:] == f',"check":"{check}"}}'.encode(), "the check is wrong"
    return data.decode()


def parts(text: str) -> dict[Any, str]:
    """Return the text of each member of a JSON object or list without white space."""
    scan, at, found = json.JSONDecoder().raw_decode, 1, dict[Any, str]()
    while text[at] not in "]}":
        key: Any = len(found)
        if text[0] == "{":
            key, at = scan(text, at)[0], scan(text, at)[1] + 1
        end = scan(text, at)[1]
        found[key], at = text[at:end], end + (text[end] == ",")
    return found


def compact(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def files(folder: Path) -> dict[str, Path]:
    found = sorted(it for it in folder.rglob("*") if not it.is_dir())
    return {it.relative_to(folder).as_posix(): it for it in found}


def folders(folder: Path) -> list[str]:
    return sorted(it.name for it in folder.glob("*") if it.is_dir())


def divided(digits: str, leaf: Json) -> dict[str, Json]:
    if len(leaf) <= 64:
        return {digits: leaf}
    found: dict[str, Json] = {}
    for more in (digits + it for it in "0123456789abcdef"):
        found |= divided(more, {it: v for it, v in leaf.items() if it.startswith(more)})
    return found


class Log:
    """A log, told again entry by entry, up to its first flaw."""

    def __init__(self, root: Path, path: str, flaws: list[str]) -> None:
        self.path, self.head, self.leaves = path, Json(), dict[str, Json]()
        self.records, self.texts = dict[int, Json](), dict[int, str]()
        self.contents, self.digests = ["null"], [""]
        self.homes = dict[Any, int]()  # the last entry that wrote each place out
        seq = 0
        try:
            for seq, name in enumerate(reversed(files(root / path)), 1):
                right = f"{99_999_999 - seq:08}.json.gz"
                right = f"{right[:2]}/{right[2:4]}/{right[4:6]}/{right[6:]}"
                assert name == right, f"{right} is missing, or {name} is no entry"
                self.take(seq, (root / path / name).read_bytes())
        except Exception as error:  # noqa: BLE001 - anything may lie there
            flaws.append(f"{path} entry {seq}: {error!r}")

    def told(self) -> Json:
        return {"versions": {v: it["status"] for v, it in sorted(self.records.items())}}

    @property
    def live(self) -> dict[int, Json]:
        return {v: it for v, it in self.records.items() if it["status"] in LIVE}

    def take(self, seq: int, data: bytes) -> None:
        text = checked(gzip.decompress(data))
        raw, entry = parts(text), json.loads(text)
        at = entry["format"], entry["log"], entry["seq"], entry.get("previous", "")
        assert at == (1, self.path, seq, self.digests[-1]), f"it says that it is {at}"
        self.digests.append(digest(data)["sha256"])
        self.contents.append(raw.get("content", "null"))
        copy = parts(raw.get("carried", '{"entry":0,"content":null}'))
        assert copy["content"] == self.contents[int(copy["entry"])], (
            "it carries another"
        )
        op, lowest, before = entry["op"], self.lowest(), self.head.get("last", 0)
        changed = op.get("version") if op["kind"] != "rollback" else None
        if changed is not None:
            self.take_record(seq, entry, changed, parts(raw["tree"]))
        last = max(self.records, default=0)
        told = {**self.head, "last": last, **self.new_head(seq, entry)}
        self.head = {key: it for key, it in told.items() if it}
        assert entry["head"] == self.head, f"its head should be {self.head}"
        out = {v // 50 for v in (before, last, changed) if v}
        told = self.tree(seq, changed, out)
        assert entry["tree"] == told, f"its tree should be {told}"
        told = self.index(seq, lowest)
        assert entry.get("index", {}) == told, f"its index should be {told}"

    def take_record(self, seq: int, entry: Json, v: int, tree: dict[Any, str]) -> None:
        """Compare the record that the entry changes with what its step makes of it."""
        kind, told = entry["op"]["kind"], dict(self.records.get(v, {}))
        book = parts(tree[str(v // 12500)])
        page = parts(parts(book["pages"])[v // 50 - int(book["first"])])
        after = {"status": "made", **json.loads(page[str(v)])}
        start, status, member, free = STEPS[kind]
        assert told.get("status") in start, f"{kind} of version {v}: {told}"
        if status in {"aborted", "deleted"}:
            told = {key: it for key, it in told.items() if key in free}
        else:
            told |= {key: after.get(key) for key in free}
        told |= {"status": status or told["status"]} | ({member: seq} if member else {})
        content = json.loads(self.contents[seq])
        if kind == "withdraw":
            told |= {"status": "sealed" if "seal" in told else "made", "mark": 0}
        elif kind == "reserve":
            told["id"] = entry["token"]
        elif kind == "seal":
            at = self.path.split("/")[1], v, told["id"]
            assert at == (content["model"], content["version"], content["id"])
            same = ("framework", "created", "creator", "metrics")
            told |= {key: content[key] for key in same}
            sizes = [it["digest"]["size_bytes"] for it in content["files"]]
            told |= {"files": len(sizes), "size_bytes": sum(sizes)}
            told["sha256"] = digest(self.contents[seq].encode())["sha256"]
        elif kind == "create":
            there = {it["path"]: it["digest"] for it in told["files"]}
            given = {path: base64.b64decode(it) for path, it in (content or {}).items()}
            is_staged = told["payload"] in self.head.get("staged", {}) and not given
            brought = {path: digest(it) for path, it in given.items()}
            assert is_staged or there == brought, "its files are others"
            rows = [(it["role"], it["path"], it["digest"]) for it in told["files"]]
            named = [(*it[:2], it[2]["size_bytes"], it[2]["sha256"]) for it in rows]
            assert told["identity"] == digest(compact(named))["sha256"], "its identity"
        elif kind == "save":
            told["model"] = {key: content["model"][key] for key in ("name", "version")}
            told["artifact"] = content["artifact"]["version"]
        is_next = v == self.head.get("last", 0) + 1
        assert is_next or kind not in {"create", "save"}, f"{v} is not the next number"
        told = {key: it for key, it in told.items() if it}
        assert after == told, f"record {v} should be {told}"
        self.records[v], self.texts[v] = told, page[str(v)]

    def new_head(self, seq: int, entry: Json) -> Json:
        """Return the members of the head that the step decides."""
        op, head, live = entry["op"], entry["head"], self.live
        kind, v, last = op["kind"], op.get("version", 0), max(self.records, default=0)
        if "/Artifacts/" in self.path:
            staged = {**self.head.get("staged", {}), op.get("token", ""): seq}
            gone = {"stage": "", "create": self.records.get(v, {}).get("payload")}
            gone_ = {"", gone.get(kind, op.get("token"))}
            return {"staged": {it: m for it, m in staged.items() if it not in gone_}}
        if self.path.startswith("Models/"):
            aliases, latest = dict(self.head.get("aliases", {})), max(live, default=0)
            if kind == "alias":
                before = aliases.get(op["alias"], {}).get("entry")
                is_right = (op["record"]["entry"], op["record"].get("before"))
                assert is_right == (seq, before), "its alias record is odd"
                aliases[op["alias"]] = op["record"]
            assert {it["version"] for it in aliases.values()} <= {None, *live}
            sealed = live[latest]["seal"] if latest else 0
            return {"aliases": aliases, "latest": latest, "sealed": sealed}
        if kind == "tag":
            return {"tags": head.get("tags")}
        active = {"save": v, "rollback": v, "take back": op.get("active", 0)}.get(
            kind, 0 if kind == "delete" else head.get("active", 0)
        )
        if not active:
            gone = dict.fromkeys(("active", "before", "entry", "tags"), 0)
            return {"status": "deleted", "first": last + 1, **gone}
        told = {"active": active, "entry": live[active]["entry"], "status": "live"}
        told["before"] = head.get("before", 0)
        if head["id"] == entry["token"]:
            new = {key: self.records[v][key] for key in ("created", "creator")}
            first = v if v > 1 else 0
            told |= {"id": head["id"], "first": first, "before": 0, "tags": {}, **new}
        assert active >= head.get("first", 1), "it runs what is of an earlier one"
        return told

    def tree(self, seq: int, changed: int | None, out: set[int]) -> Json:
        """Return the tree that the entry must have, with the pages *out* in it."""
        found, pages = Json(), dict[int, list[int]]()
        for v in sorted(self.records):
            pages.setdefault(v // 50, []).append(v)
        books = sorted({p // 250 for p in pages})
        for b in books:
            if b not in {*books[-2:], *(p // 250 for p in out)}:
                found[str(b)] = self.homes["book", b]
                continue
            self.homes["book", b] = seq
            mine = [p for p in pages if p // 250 == b]
            for p in out & set(mine):
                self.homes["page", p] = seq
                short = (v for v in pages[p] if len(self.texts[v].encode()) <= 512)
                self.homes |= dict.fromkeys({*short, *({changed} & {*pages[p]})}, seq)
            found[str(b)] = {
                "first": mine[0],
                "pages": [
                    {
                        str(v): json.loads(self.texts[v])
                        if self.homes[v] == seq
                        else self.homes[v]
                        for v in pages[p]
                    }
                    if p in out and p in pages
                    else self.homes.get(("page", p))
                    for p in range(mine[0], mine[-1] + 1)
                ],
            }
        return found

    def lowest(self) -> dict[str, int]:
        live = sorted(self.live.items(), reverse=True)
        return {it["identity"][7:]: v for v, it in live if "identity" in it}

    def index(self, seq: int, before: dict[str, int]) -> Json:
        """Return the index that the entry must have, if *before* is what it was."""
        after, out = self.lowest(), set[str]()
        for key in {it for it, _ in before.items() ^ after.items()}:
            old = next((it for it in self.leaves if key.startswith(it)), "")
            leaf = {**self.leaves.pop(old, {}), key: after.get(key)}
            new = divided(old, {it: v for it, v in leaf.items() if v})
            self.leaves, out = self.leaves | new, out | new.keys()
        self.homes |= {("leaf", it): seq for it in out}
        found = self.leaves.items()
        return {it: leaf if it in out else self.homes["leaf", it] for it, leaf in found}


class Project:
    """All logs of a project, and what may lie beside them."""

    def __init__(self, root: Path) -> None:
        self.root, self.flaws, self.busy = root, list[str](), list[str]()
        self.wanted = dict[str, Any]()  # digests, or JSON values, by path
        self.models, self.artifacts, self.deployments = Json(), Json(), Json()
        self.logs = dict[tuple[str, int], Log]()
        marker = json.loads((root / ".hopsartifacts/project.json").read_text())
        self.expect("project", marker["format"] == 1, "is of another format")
        for name in folders(root / "Models"):
            self.take_model(name)
        for name in folders(root / "Deployments"):
            self.take_deployment(name)
        self.take_files("Models")
        self.take_files("Deployments")

    def expect(self, where: str, is_so: object, flaw: str) -> None:
        self.flaws += [] if is_so else [f"{where}: {flaw}"]

    def take_model(self, name: str) -> None:
        log = self.logs[name, 0] = Log(self.root, f"Models/{name}/_log", self.flaws)
        aliases = log.head.get("aliases", {}).items()
        self.models[name] = log.told()
        self.models[name]["aliases"] = {it: to["version"] for it, to in aliases}
        for v, record in log.records.items():
            if record["status"] == "reserved":
                self.busy.append(f"Models/{name}/{v}/Files/")
            if v in log.live:
                self.take_version(log, name, v)
                self.take_artifacts(name, v)

    def take_version(self, log: Log, name: str, v: int) -> None:
        top, seal = f"Models/{name}/{v}", log.records[v]["seal"]
        manifest = json.loads(log.contents[seal])
        copy = {"format": 1, "entry": seal, "sha256": log.digests[seal]}
        self.wanted[f"{top}/manifest.json"] = {**copy, "manifest": manifest}
        for it in manifest["files"]:
            self.wanted[f"{top}/Files/{it['path']}"] = it["digest"]
        for key in ("input_example", "model_schema"):
            if it := manifest[key]:
                self.wanted[f"{top}/{key}.json"] = it["digest"]
                right = digest(it["text"].encode()) == it["digest"]
                self.expect(top, right, f"the digest of its {key} is another")

    def take_artifacts(self, name: str, v: int) -> None:
        top = f"Models/{name}/{v}/Artifacts"
        log = self.logs[name, v] = Log(self.root, f"{top}/_log", self.flaws)
        self.artifacts[f"{name}/{v}"] = log.told()
        tokens = log.head.get("staged", {})
        self.busy += [f"{top}/_payload/{token}/" for token in tokens]
        for n, record in log.live.items():
            for it in record["files"]:
                self.wanted[f"{top}/{n}/{it['path']}"] = it["digest"]
                if "payload" in record:
                    payload = f"{top}/_payload/{record['payload']}"
                    self.wanted[f"{payload}/{it['path']}"] = it["digest"]

    def take_deployment(self, name: str) -> None:
        log = Log(self.root, f"Deployments/{name}/_log", self.flaws)
        head, there = {"status": "deleted", "first": 1, **log.head}, list[int]()
        for v, record in log.live.items():
            if head["status"] == "deleted" or v < head["first"]:
                record["status"] = "deleted"
                continue
            top, pins = (
                f"Deployments/{name}/{v}",
                json.loads(log.contents[record["entry"]]),
            )
            document = {key: record[key] for key in ("created", "creator")}
            document |= {"version": v, "specification": pins}
            self.wanted[f"{top}/deployment.json"] = document
            at = record["model"]["name"], record["model"]["version"]
            models = self.logs.get((at[0], 0))
            if model := models and models.live.get(at[1]):
                there.append(v)
                pinned = pins["model"]["id"], pins["model"]["manifest"]
                right = pinned == (model["id"], model["sha256"])
                self.expect(top, right, "it pins another model version")
                n = record.get("artifact", 0)
                made = self.logs[at].live.get(n, pins["artifact"])
                right = made["identity"] == pins["artifact"]["identity"]
                self.expect(top, right, "it pins another artifact version")
        active = [head.get(it) for it in ("active", "before") if head.get(it) in there]
        active += sorted(there)[-1:] or [0]
        self.deployments[name] = {**log.told(), "active": active[0]}

    def take_files(self, top: str) -> None:
        found = {f"{top}/{it}": file for it, file in files(self.root / top).items()}
        for name, file in found.items():
            if name in self.wanted:
                self.expect(name, is_right(file, self.wanted[name]), "it is another")
            elif "/_log/" not in name and not (name.count("/") == 1 and "." in name):
                self.expect(name, name.startswith(tuple(self.busy)), "it is too many")
        for name in self.wanted:
            is_kept = "/Files/" in name or "/_payload/" in name
            if is_kept and name.startswith(f"{top}/"):
                self.expect(name, name in found, "it is missing")


def is_right(path: Path, wanted: Json) -> bool:
    """Tell whether a file has the digest, or is a copy of the JSON value, *wanted*."""
    data = path.read_bytes()
    if "xxh3" in wanted:
        return digest(data) == wanted
    try:
        value = json.loads(checked(data) if "manifest" in wanted else data)
    except (AssertionError, ValueError):
        return False
    value.pop("check", None)
    return bool(value == wanted)


def read(path: str | Path) -> Json:
    """Return what the project says of every number, and each flaw."""
    it = Project(Path(path))
    found = {"models": it.models, "artifacts": it.artifacts}
    return {**found, "deployments": it.deployments, "flaws": it.flaws}


if __name__ == "__main__":
    print(json.dumps(read(sys.argv[1]), indent=2))  # noqa: T201
