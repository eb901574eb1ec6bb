"""Requests for files as the official client sends them."""

from typing import Any
from urllib.parse import quote

from starlette.testclient import TestClient

from hopsartifacts.rest.hosted import Hosted


class Wire:
    """The dataset API of one server; each path is one segment, ``/`` as ``%2F``."""

    def __init__(self, client: TestClient, hosted: Hosted) -> None:
        self.client = client
        self.hosted = hosted
        self.project_url = f"/hopsworks-api/api/project/{hosted.project_id}"
        self.base = f"{self.project_url}/dataset"

    def url(self, verb: str, path: str) -> str:
        folder = f"{self.base}/{verb}" if verb else self.base
        return f"{folder}/{quote(path, safe=':')}"

    def stat_status(self, path: str) -> int:
        return self.client.get(self.url("", path)).status_code

    def stat(self, path: str) -> Any:
        answer = self.client.get(self.url("", path))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def listing_answer(self, path: str, **query: Any) -> Any:
        params = {"action": "listing", **query}
        return self.client.get(self.url("", path), params=params)

    def listing(self, path: str, **query: Any) -> Any:
        answer = self.listing_answer(path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def paths(self, path: str) -> list[str]:
        return [it["attributes"]["path"] for it in self.listing(path)["items"]]

    def names(self, path: str) -> list[str]:
        return [it["attributes"]["name"] for it in self.listing(path)["items"]]

    def post(self, path: str, **query: Any) -> Any:
        return self.client.post(self.url("", path), params=query)

    def mkdir(self, path: str) -> Any:
        return self.post(
            path,
            action="create",
            searchable="true",
            generate_readme="false",
            type="DATASET",
        )

    def delete(self, path: str) -> Any:
        return self.client.delete(self.url("", path))

    def download(self, path: str, **headers: str) -> Any:
        url = self.url("download/with_auth", path)
        return self.client.get(url, params={"type": "DATASET"}, headers=headers)

    def upload(self, folder: str, name: str, data: bytes) -> None:
        """Send a file whole, in one chunk."""
        self.chunk(folder, name, data, 1, chunk_size=10 * 1024 * 1024)

    def chunk(
        self, folder: str, name: str, data: bytes, number: int, *, chunk_size: int
    ) -> None:
        answer = self.send(folder, name, data, number, chunk_size=chunk_size)
        assert answer.status_code == 200, answer.text
        assert answer.content == b""

    def send(
        self,
        folder: str,
        name: str,
        data: bytes,
        number: int = 1,
        *,
        chunk_size: int = 10 * 1024 * 1024,
        headers: dict[str, str] | None = None,
    ) -> Any:
        """Send one chunk of *data*."""
        part = data[(number - 1) * chunk_size : number * chunk_size]
        form = {
            "templateId": -1,
            "flowChunkSize": chunk_size,
            "flowTotalSize": len(data),
            "flowIdentifier": f"{len(data)}_{name}",
            "flowFilename": name,
            "flowRelativePath": name,
            "flowTotalChunks": -(-len(data) // chunk_size),
            "flowCurrentChunkSize": len(part),
            "flowChunkNumber": number,
        }
        return self.client.post(
            self.url("upload", folder),
            data=form,
            files={"file": (name, part)},
            headers=headers,
        )

    def register(self, model: str, version: int) -> None:
        """Seal what was uploaded."""
        models = f"{self.project_url}/modelregistries/{self.hosted.project_id}/models"
        answer = self.client.put(
            f"{models}/{model}_{version}",
            json={"name": model, "version": version, "framework": "PYTHON"},
        )
        assert answer.status_code == 201, answer.text
