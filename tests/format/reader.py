"""A second reader of projects, written from docs/format.md alone; it shares no code.

``python tests/format/reader.py <folder>`` prints all versions, and each flaw, as JSON.
"""

import base64
import gzip
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import xxhash

Json = dict[str, Any]
Files = Iterator[tuple[str, Json]]
AFTER = {"reserve": "reserved", "seal": "sealed", "abort": "aborted", "mark": "deleting"}
AFTER |= {"create": "made", "save": "live", "delete": "deleted", "take back": "deleted"}


def digest(data: bytes) -> Json:
    both = hashlib.sha256(data).hexdigest(), xxhash.xxh3_128_hexdigest(data)
    sha256, xxh3 = f"sha256:{both[0]}", f"xxh3-128:{both[1]}"
    return {"size_bytes": len(data), "sha256": sha256, "xxh3": xxh3}


def checked(data: bytes) -> str:
    check = digest(data[:-53] + b"}")["xxh3"]
    assert data[-53:].decode() == f',"check":"{check}"}}', "its check is wrong"
    return data.decode()


def members(text: str) -> dict[str, str]:
    """Return the text of each member of a JSON object without white space."""
    scan, at, found = json.JSONDecoder().raw_decode, 0, {}
    while text[at] in "{,":
        key, colon = scan(text, at + 1)
        _, end = scan(text, colon + 1)
        found[key], at = text[colon + 1 : end], end
    return found


def files(folder: Path) -> list[Path]:
    return sorted(it for it in folder.rglob("*") if not it.is_dir())


def places(tree: Json) -> Iterator[tuple[str, Any]]:
    """Yield the name of each book, page and record, and what stands there."""
    for b, book in tree.items():
        yield b, book
        pages = book["pages"] if isinstance(book, dict) else []
        for p, page in enumerate(pages, book["first"] if pages else 0):
            yield from [] if page is None else [(f"{b}/{p}", page)]
            for v, it in page.items() if isinstance(page, dict) else ():
                record = {"status": "made", **it} if isinstance(it, dict) else it
                yield f"{b}/{p}/{v}", record


class Log:
    """A log, told again entry by entry, up to its first flaw."""

    def __init__(self, root: Path, path: str, flaws: list[str]) -> None:
        self.path, self.head, self.leaves = path, Json(), dict[str, Json]()
        self.records, self.contents, self.digests = dict[int, Json](), {0: "null"}, [""]
        self.homes = dict[str, int]()  # the last entry that wrote each place out
        try:
            for seq, file in enumerate(reversed(files(root / path)), 1):
                name = f"{99_999_999 - seq:08}.json.gz"
                right = root / path / name[:2] / name[2:4] / name[4:6] / name[6:]
                assert file == right, f"{right} is missing, or {file} is no entry"
                self.take(seq, file.read_bytes())
        except Exception as error:  # noqa: BLE001 - anything may lie there
            flaws.append(f"{path} after entry {len(self.digests) - 1}: {error!r}")

    @property
    def live(self) -> dict[int, Json]:
        live = {"sealed", "made", "live", "deleting"}
        return {v: it for v, it in sorted(self.records.items()) if it["status"] in live}

    def take(self, seq: int, data: bytes) -> None:
        text = checked(gzip.decompress(data))
        raw, entry = members(text), json.loads(text)
        at = entry["format"], entry["log"], entry["seq"], entry.get("previous", "")
        assert at == (1, self.path, seq, self.digests[-1]), f"it says that it is {at}"
        self.contents[seq] = raw.get("content", "null")
        copy = members(raw.get("carried", '{"entry":0,"content":null}'))
        assert copy["content"] == self.contents[int(copy["entry"])], "it carries another"
        self.take_tree(seq, entry["op"], dict(places(entry["tree"])))
        self.take_index(seq, entry.get("index", {}))
        self.take_head(entry["head"], entry["op"])
        self.digests.append(digest(data)["sha256"])

    def take_tree(self, seq: int, op: Json, there: Json) -> None:
        if "version" in op and op["kind"] != "rollback":
            v = op["version"]
            after, kind = there[f"{v // 12500}/{v // 50}/{v}"], op["kind"].split()[0]
            ...
        seen = set()
        for v, record in self.records.items():
            page = f"{v // 12500}/{v // 50}"
            for name in (f"{v // 12500}", page, f"{page}/{v}"):
                seen.add(name)
                if isinstance(there[name], int):
                    assert there[name] == self.homes[name], f"{name}: {there[name]}"
                    break
            else:
                assert there[name] == record, f"record {v} is another"
        assert seen == there.keys(), f"it has {there.keys() - seen}"
        self.homes |= {name: seq for name, it in there.items() if isinstance(it, dict)}

    def take_index(self, seq: int, index: Json) -> None:
        found = list[tuple[str, int]]()
        for digits, leaf in index.items():
            if isinstance(leaf, dict):
                self.homes[f"index {digits}"], self.leaves[digits] = seq, leaf
            home, written = self.homes[f"index {digits}"], self.leaves[digits]
            assert leaf in (home, written), f"leaf {digits} is in {home}, not {leaf}"
            assert all(it.startswith(digits) for it in written), f"leaf {digits} is odd"
            found += written.items()
        ids = {v: it.get("identity", "")[7:] for v, it in self.live.items()}
        lowest = {it: v for v, it in reversed(ids.items()) if it}
        assert sorted(found) == sorted(lowest.items()), "its index is another"

    def take_head(self, head: Json, op: Json) -> None:
        live, told = self.live, {**head, "last": max(self.records, default=0)}
        if self.path.startswith("Deployments/"):
            steps = {"save": "version", "rollback": "version", "take back": "active"}
            active = op.get(steps.get(op["kind"], ""), head.get("active", 0))
            told |= {"active": active, "status": "live" if active else "deleted"}
            told["entry"] = live[active]["entry"] if active else 0
        elif "/Artifacts/" not in self.path:
            latest, aliases = max(live, default=0), self.head.get("aliases", {})
            told |= {"latest": latest, "sealed": live[latest]["seal"] if latest else 0}
            told["aliases"] = aliases | ({op["alias"]: op["record"]} if "alias" in op else {})
            assert {it["version"] for it in told["aliases"].values()} <= {None, *live}
        self.head = {key: it for key, it in told.items() if it}
        assert head == self.head, f"its head should be {self.head}"
