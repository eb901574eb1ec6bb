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


def digest(data: bytes) -> Json:
    sha256 = f"sha256:{hashlib.sha256(data).hexdigest()}"
    xxh3 = f"xxh3-128:{xxhash.xxh3_128_hexdigest(data)}"
    return {"size_bytes": len(data), "sha256": sha256, "xxh3": xxh3}


def checked(data: bytes) -> str:
    check = digest(data[:-53] + b"}")["xxh3"]
    assert data[-53:] == f',"check":"{check}"}}'.encode(), "the check is wrong"
    return data.decode()


def files(root: Path, *folders: str) -> dict[str, Path]:
    found = (it for top in folders for it in (root / top).rglob("*"))
    return {str(it.relative_to(root)): it for it in sorted(found) if not it.is_dir()}


class Log:
    """A log, told again entry by entry, up to its first flaw."""

    def __init__(self, root: Path, path: str, flaws: list[str]) -> None:
        self.path, self.head, n = f"{path}/_log", Json(), 0
        self.records, self.live = dict[int, Json](), dict[int, Json]()
        self.digests, self.contents = list[Any]([None]), list[Any]([None])
        self.parts = dict[str, Any]()  # the last entry that wrote a part out; the part
        try:
            for n, name in enumerate(reversed(files(root, self.path)), 1):
                at = str(99_999_999 - n)
                at = f"{self.path}/{at[:2]}/{at[2:4]}/{at[4:6]}/{at[6:]}.json.gz"
                assert name == at, f"{at} is missing, or {name} is no entry"
                self.take(n, (root / name).read_bytes())
        except Exception as error:  # noqa: BLE001 - anything may lie there
            flaws.append(f"{self.path} entry {n}: {error!r}")
        self.versions = {v: it["status"] for v, it in sorted(self.records.items())}

    def take(self, n: int, data: bytes) -> None:
        text = checked(gzip.decompress(data))
        entry, raw = json.loads(text), text.partition(',"content":')[2]
        raw = raw[: json.JSONDecoder().raw_decode(raw)[1]] if "content" in entry else ""
        at = [entry.get(key) for key in ("format", "log", "seq", "previous")]
        assert at == [1, self.path, n, self.digests[-1]], f"it says that it is {at}"
        self.digests.append(digest(data)["sha256"])
        self.contents.append(entry.get("content"))
        copy = entry.get("carried", {"entry": 0, "content": None})
        assert copy["content"] == self.contents[copy["entry"]], "its copy is another"
        op, records = entry["op"], self.all_records(n, entry)
        now, new = records.get(v := op.get("version", 0), {}), self.contents[n] or {}
        assert {**self.records, v: now} == {**records, v: now}, "it has another record"
        if op["kind"] == "seal":
            assert now["sha256"] == digest(raw.encode())["sha256"], "another manifest"
        elif op["kind"] == "create":
            rows = [(it["role"], it["path"], it["digest"]) for it in now["files"]]
            given = {it: digest(base64.b64decode(of)) for it, of in new.items()}
            assert "payload" in now or given == {it[1]: it[2] for it in rows}, "scripts"
            named = [(*it[:2], it[2]["size_bytes"], it[2]["sha256"]) for it in rows]
            text = json.dumps(named, ensure_ascii=False, separators=(",", ":"))
            assert now["identity"] == digest(text.encode())["sha256"], "its identity"
        elif op["kind"] == "save":
            assert now.get("artifact", 0) == new["artifact"]["version"], "another pin"
        self.head, self.records = entry["head"], records
        self.live = {v: it for v, it in records.items() if it["status"] in LIVE}
        self.check_index(n, entry.get("index", {}))

    def check_index(self, n: int, index: Json) -> None:
        found, backwards = Json(), sorted(self.live.items(), reverse=True)
        for digits, it in index.items():
            found |= (leaf := self.part(n, f"leaf {digits}", it, 0))
            assert all(it.startswith(digits) for it in leaf), f"leaf {digits} is odd"
        right = {it["identity"][7:]: v for v, it in backwards if "identity" in it}
        assert found == right, f"its index should be {right}"

    def all_records(self, n: int, entry: Json) -> dict[int, Json]:
        found = dict[int, Json]()
        for b, book in entry["tree"].items():
            for p, page in self.part(n, f"book {b}", book, 2).items():
                for v, record in page.items():
                    assert (int(v) // 50, p // 250) == (p, int(b)), f"{v} is elsewhere"
                    found[int(v)] = {"status": "made", **record}
        assert entry["head"].get("last", 0) == max(found, default=0), "another last one"
        return found

    def part(self, n: int, place: str, value: Any, depth: int) -> Any:
        """Return a part of entry *n*, with what older entries have of it."""
        if isinstance(value, int):
            assert value == self.parts[place][0], f"{place} is not in entry {value}"
            return self.parts[place][1]
        if depth == 2:
            value = {p: it or {} for p, it in enumerate(value["pages"], value["first"])}
        if depth:
            parts = ((key, f"{place} {key}", it) for key, it in value.items())
            value = {key: self.part(n, at, it, depth - 1) for key, at, it in parts}
        self.parts[place] = n, value
        return value


class Project:
    """All logs of a project, and what may lie beside them."""

    def __init__(self, root: Path) -> None:
        self.root, self.flaws, self.busy = root, list[str](), list[str]()
        self.logs, self.wanted = dict[str, Log](), Json()  # digests, or JSON values
        self.found: Json = {"models": {}, "artifacts": {}, "deployments": {}}
        marker = json.loads((root / ".hopsartifacts/project.json").read_bytes())
        self.flaws += [] if marker["format"] == 1 else ["project of another format"]
        for it in sorted(root.glob("Models/*/")):
            self.take_model(it.name, f"Models/{it.name}")
        for it in sorted(root.glob("Deployments/*/")):
            self.take_deployment(it.name, f"Deployments/{it.name}")
        there = files(root, "Models", "Deployments")
        for name, file in there.items():
            try:
                self.check_file(name, file.read_bytes())
            except Exception as error:  # noqa: BLE001
                self.flaws.append(f"{name}: {error!r}")
        kept = (it for it in self.wanted if "/Files/" in it or "/_payload/" in it)
        self.flaws += [f"{it}: it is missing" for it in kept if it not in there]

    def want(self, folder: str, found: list[Json]) -> None:
        self.wanted |= {f"{folder}/{it['path']}": it["digest"] for it in found}

    def take_model(self, name: str, top: str) -> None:
        log = self.logs[name] = Log(self.root, top, self.flaws)
        aliases = {it: to["version"] for it, to in log.head.get("aliases", {}).items()}
        self.found["models"][name] = {"versions": log.versions, "aliases": aliases}
        reserved = (v for v, status in log.versions.items() if status == "reserved")
        self.busy += [f"{top}/{v}/Files/" for v in reserved]
        for v, record in log.live.items():
            seal, manifest = record["seal"], log.contents[record["seal"]]
            copy = {"format": 1, "entry": seal, "sha256": log.digests[seal]}
            self.wanted[f"{top}/{v}/manifest.json"] = {**copy, "manifest": manifest}
            self.want(f"{top}/{v}/Files", manifest["files"])
            for it in ("input_example", "model_schema"):
                text = [{**manifest[it], "path": f"{it}.json"}] if manifest[it] else []
                self.want(f"{top}/{v}", text)
            self.take_artifacts(f"{name}/{v}", f"{top}/{v}/Artifacts")

    def take_artifacts(self, name: str, top: str) -> None:
        log = self.logs[name] = Log(self.root, top, self.flaws)
        self.found["artifacts"][name] = {"versions": log.versions}
        self.busy += [f"{top}/_payload/{it}/" for it in log.head.get("staged", {})]
        for n, record in log.live.items():
            self.want(f"{top}/{n}", record["files"])
            if "payload" in record:
                self.want(f"{top}/_payload/{record['payload']}", record["files"])

    def take_deployment(self, name: str, top: str) -> None:
        log, there = Log(self.root, top, self.flaws), [0]
        for v, record in log.live.items():
            if v < log.head.get("first", 1):  # of an earlier deployment of this name
                log.versions[v] = "deleted"
                continue
            document = {"version": v, "specification": log.contents[record["entry"]]}
            document |= {key: record[key] for key in ("created", "creator")}
            self.wanted[f"{top}/{v}/deployment.json"] = document
            model = self.logs.get(record["model"]["name"])
            there += [v] if model and record["model"]["version"] in model.live else []
        active = (log.head.get(key) for key in ("active", "before"))
        active = [*(it for it in active if it in there), max(there)][0]
        self.found["deployments"][name] = {"versions": log.versions, "active": active}

    def check_file(self, name: str, data: bytes) -> None:
        wanted = self.wanted.get(name)
        if wanted is None:
            is_users = name.count("/") == 1 and "." in name
            is_busy = "/_log/" in name or name.startswith(tuple(self.busy))
            assert is_users or is_busy, "it is too many"
        elif "xxh3" in wanted:
            assert digest(data) == wanted, "it is another"
        else:
            value = json.loads(checked(data) if "manifest" in wanted else data)
            assert {**value, "check": 0} == {**wanted, "check": 0}, "it is another"


def read(folder: str | Path) -> Json:
    """Return what the project says of every number, and each flaw."""
    project = Project(Path(folder))
    return {**project.found, "flaws": project.flaws}


if __name__ == "__main__":
    print(json.dumps(read(sys.argv[1]), indent=2))  # noqa: T201
