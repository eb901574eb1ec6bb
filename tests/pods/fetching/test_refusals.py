"""What must not start does not, and the pod's status says why."""

import re
import socket
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from hopsartifacts import layout
from hopsartifacts.digests import digest_of
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.entries import packed, unpacked
from tests.backends.conftest import Azure
from tests.pods.fetching.conftest import (
    FILES,
    PREDICTOR,
    Fetch,
    Seal,
    Sealed,
    Store,
    is_refused,
    run_command,
    s3_environ,
    s3_store,
)
from tests.pods.fetching.test_fetching import every_store
from tests.s3.conftest import Server
from tests.s3.proxy import Proxy, Rule
from tests.test_lesser_file_systems import small_disk

__all__ = ["small_disk"]

VERSION = "Models/shown_model/1"
MODEL_LOG = layout.model_log("shown_model")
ARTIFACT_LOG = layout.artifact_log("shown_model", 1)
DEPLOYMENT_LOG = layout.deployment_log("shown")


def put(storage: Storage, path: str, data: bytes) -> None:
    """Write over a stored file, also a read-only one."""
    storage.delete_tree(path)
    storage.write(path, [data])


def forge(storage: Storage, log: str, seq: int, old: str, new: str) -> None:
    """Change the text of a log entry, and make its checksum right again."""
    path = layout.log_entry(log, seq)
    body = unpacked(storage.read(path), log, seq).body
    text = msgspec.json.encode(body).decode()
    assert old in text
    changed = msgspec.json.decode(text.replace(old, new), type=type(body))
    put(storage, path, packed(replace(changed, log=log)))


def in_entry(text: str) -> str:
    """Return how a log entry has the bytes of a script."""
    return b64encode(text.encode()).decode()


def change_model_file(storage: Storage) -> None:
    data = FILES["weights.bin"]
    put(storage, f"{VERSION}/Files/weights.bin", bytes([data[0] ^ 1]) + data[1:])


def remove_model_file(storage: Storage) -> None:
    storage.delete_tree(f"{VERSION}/Files/part/deep")


def change_script(storage: Storage) -> None:
    path = f"{VERSION}/Artifacts/1/predictor-predict.py"
    put(storage, path, storage.read(path).replace(b"return", b"import"))


def change_manifest(storage: Storage) -> None:
    forge(storage, MODEL_LOG, 2, '"path":"empty"', '"path":"emptY"')


def change_specification(storage: Storage) -> None:
    forge(storage, DEPLOYMENT_LOG, 1, '"env_vars":{"A":"1"}', '"env_vars":{"A":"2"}')


def break_log(storage: Storage) -> None:
    path = layout.log_entry(DEPLOYMENT_LOG, 1)
    put(storage, path, storage.read(path)[:-9] + b"123456789")


TAMPERED: dict[str, tuple[Callable[[Storage], None], str]] = {
    "model file": (change_model_file, "Files/weights.bin"),
    "missing file": (remove_model_file, "Files/part/deep/config.json"),
    "script": (change_script, "Artifacts/1/predictor-predict.py"),
    "manifest": (change_manifest, "shown_model"),
    "specification": (change_specification, "but the manifest pins sha256:"),
    "log": (break_log, "Deployments/shown/_log"),
}


@every_store
@pytest.mark.parametrize("what", TAMPERED)
def test_tampered_bytes_do_not_start(
    store: Store, what: str, seal: Seal, fetch: Fetch
) -> None:
    sealed = seal(store, env_vars={"A": "1"})
    tamper, named = TAMPERED[what]
    tamper(sealed.storage)
    is_refused(fetch(sealed), named)


def test_a_forged_script_does_not_start(
    mounted: Store, seal: Seal, fetch: Fetch
) -> None:
    """Not even if the folder, the log and all checksums agree."""
    sealed = seal(mounted)
    storage = sealed.storage
    other = PREDICTOR.replace("return inputs", "return output")
    forge(storage, ARTIFACT_LOG, 1, in_entry(PREDICTOR), in_entry(other))
    digest, forged = digest_of(PREDICTOR.encode()), digest_of(other.encode())
    for part in ("sha256", "xxh3"):
        forge(storage, ARTIFACT_LOG, 1, getattr(digest, part), getattr(forged, part))
    storage.delete_tree(f"{VERSION}/Artifacts/1")
    is_refused(fetch(sealed), "artifact version 1 of model 'shown_model'")


def test_a_forged_checksum_does_not_start(
    mounted: Store, seal: Seal, fetch: Fetch
) -> None:
    """XXH3 can be forged, so a script must have its SHA-256 as well."""
    sealed = seal(mounted)
    storage = sealed.storage
    change_script(storage)
    script = storage.read(f"{VERSION}/Artifacts/1/predictor-predict.py")
    digest, forged = digest_of(PREDICTOR.encode()), digest_of(script)
    forge(storage, ARTIFACT_LOG, 1, digest.xxh3, forged.xxh3)
    is_refused(fetch(sealed), "predictor-predict.py")


def test_a_refused_version_leaves_no_launch_of_an_earlier_run(
    mounted: Store, seal: Seal, fetch: Fetch
) -> None:
    sealed = seal(mounted)
    assert fetch(sealed).code == 0
    change_model_file(sealed.storage)
    is_refused(fetch(sealed), "weights.bin")


def delete_version(sealed: Sealed) -> None:
    deployment = sealed.project.get_model_serving().get_deployment("shown")
    deployment.description = "another"
    deployment.save()
    deployment.delete_version(1)


def delete_deployment(sealed: Sealed) -> None:
    sealed.project.get_model_serving().get_deployment("shown").delete()


def delete_project(sealed: Sealed) -> None:
    sealed.storage.delete_tree("")


GONE: dict[str, tuple[Callable[[Sealed], None], str]] = {
    "version": (delete_version, "version 1 of deployment 'shown'"),
    "deployment": (delete_deployment, "deployment 'shown'"),
    "project": (delete_project, "there is no project at"),
}


@pytest.mark.parametrize("what", GONE)
def test_what_was_deleted_does_not_start(
    mounted: Store, what: str, seal: Seal, fetch: Fetch
) -> None:
    sealed = seal(mounted)
    delete, named = GONE[what]
    delete(sealed)
    is_refused(fetch(sealed), named)


DIGEST = f"sha256:{'0' * 64}"
WRONG = {
    "no address": ("file:///mnt/project", "is not the address of a sealed version"),
    "no project": (f"hops://shown/1?specification={DIGEST}", "use hops://"),
    "no digest": ("hops://shown/1?project=file:///p", "use hops://"),
    "bad digest": (
        "hops://shown/1?project=file:///p&specification=sha256:12",
        "is not the digest of a specification",
    ),
    "bad name": (
        f"hops://..%2Fshown/1?project=file:///p&specification={DIGEST}",
        "deployment name",
    ),
    "bad number": (
        f"hops://shown/01?project=file:///p&specification={DIGEST}",
        "is not a version number",
    ),
    "other protocol": (
        f"hops://shown/1?project=gopher://x&specification={DIGEST}",
        "'gopher' is not supported",
    ),
    "memory": (
        f"hops://shown/1?project=memory://x&specification={DIGEST}",
        "in the memory of another process",
    ),
    "secret": (
        f"hops://shown/1?project=gopher://k:pa55w0rd@b&specification={DIGEST}",
        "'gopher' is not supported",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_addresses_are_refused(what: str, tmp_path: Path) -> None:
    uri, named = WRONG[what]
    outcome = run_command([uri, str(tmp_path / "volume")], {}, tmp_path)
    is_refused(outcome, named)
    assert "pa55w0rd" not in outcome.stderr + outcome.message


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"HOPSARTIFACTS_PROGRESS_SECONDS": "soon"}, "PROGRESS_SECONDS is 'soon'"),
        ({"HOPSARTIFACTS_REQUEST_SECONDS": "-1"}, "REQUEST_SECONDS is '-1'"),
        ({"HOPSARTIFACTS_COMPONENT": "judge"}, "predictor or transformer"),
    ],
)
def test_wrong_settings_are_refused(
    environ: dict[str, str], named: str, mounted: Store, seal: Seal, fetch: Fetch
) -> None:
    is_refused(fetch(seal(mounted), environ=environ), named)


def test_it_takes_two_arguments(tmp_path: Path) -> None:
    is_refused(run_command([], {}, tmp_path), "0 arguments were given: give two")


def test_a_digest_that_is_not_that_of_the_version(
    mounted: Store, seal: Seal, fetch: Fetch
) -> None:
    sealed = seal(mounted)
    other = replace(sealed.address, specification=DIGEST)
    is_refused(fetch(sealed, uri=other.uri), DIGEST, sealed.address.specification)


def test_files_of_others_in_the_volume_are_refused_and_kept(
    s3: Server, seal: Seal, fetch: Fetch, tmp_path: Path
) -> None:
    sealed = seal(s3_store(s3))
    other = tmp_path / "volume" / "Files" / "mine.bin"
    other.parent.mkdir(parents=True)
    other.write_text("mine")
    is_refused(fetch(sealed), str(other), "give an empty folder")
    assert other.read_text() == "mine"


def test_another_version_in_the_folder_of_tensorflow_serving(
    mounted: Store, seal: Seal, fetch: Fetch, tmp_path: Path
) -> None:
    sealed = seal(mounted, {"saved_model.pb": b"graph"}, "tensorflow")
    (tmp_path / "volume" / "9").mkdir(parents=True)
    is_refused(fetch(sealed), "give an empty folder")


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "AWS_ACCESS_KEY_ID"),
        ({"AWS_SECRET_ACCESS_KEY": "not-the-secret"}, "check key and secret"),
        ({"AWS_ENDPOINT_URL": f"http://127.0.0.1:{closed_port()}"}, "be reached"),
        ({"AWS_ENDPOINT_URL": "http://store.invalid"}, "cannot be reached"),
    ],
    ids=["no keys", "wrong keys", "closed port", "unknown host"],
)
def test_a_store_that_does_not_let_us_in(
    change: dict[str, str], named: str, s3: Server, seal: Seal, fetch: Fetch
) -> None:
    sealed = seal(s3_store(s3))
    changed = {**sealed.store.environ, **change}
    outcome = fetch(sealed, environ={k: v for k, v in changed.items() if v})
    is_refused(outcome, named)
    assert "not-the-secret" not in outcome.message + outcome.stderr
    assert outcome.seconds < 60


def test_a_store_without_credentials(azure: Azure, seal: Seal, fetch: Fetch) -> None:
    place = azure.place()
    sealed = seal(Store(place.url, place.options, {}))
    is_refused(fetch(sealed), "credentials", "AZURE_STORAGE_CONNECTION_STRING")


@pytest.mark.parametrize("store", ["gcs", "azure"], indirect=True)
def test_a_store_that_cannot_be_reached(store: Store, seal: Seal, fetch: Fetch) -> None:
    sealed = seal(store)
    closed = f"127.0.0.1:{closed_port()}"
    environ = {
        name: re.sub(r"127\.0\.0\.1:\d+", closed, value)
        for name, value in store.environ.items()
    }
    outcome = fetch(sealed, environ=environ)
    is_refused(outcome, "project.json", store.url, "the network")
    assert outcome.seconds < 90


def test_a_store_that_stalls_is_named(
    s3: Server, proxy: Proxy, seal: Seal, fetch: Fetch
) -> None:
    sealed = seal(s3_store(s3))
    proxy.plan(Rule(do="hang", path="weights.bin", seconds=600))
    environ = {**s3_environ(proxy.endpoint), "HOPSARTIFACTS_PROGRESS_SECONDS": "3"}
    outcome = fetch(sealed, environ=environ)
    is_refused(outcome, f"{VERSION}/Files/weights.bin", "for 3 seconds")
    assert outcome.seconds < 20


def test_requests_that_are_never_answered_end_too(
    s3: Server, proxy: Proxy, seal: Seal, fetch: Fetch
) -> None:
    sealed = seal(s3_store(s3))
    proxy.plan(Rule(do="hang", path="weights.bin", seconds=600))
    environ = {**s3_environ(proxy.endpoint), "HOPSARTIFACTS_REQUEST_SECONDS": "1"}
    outcome = fetch(sealed, environ=environ)
    is_refused(outcome, f"{VERSION}/Files/weights.bin", "seconds")
    assert outcome.seconds < 60


def test_a_volume_that_is_too_small(
    small_disk: Path, s3: Server, seal: Seal, fetch: Fetch
) -> None:
    sealed = seal(s3_store(s3), {"large.bin": bytes(9_000_000)})
    is_refused(fetch(sealed, folder=small_disk / "volume"), "give the volume more room")


def test_a_volume_that_cannot_be_written(
    s3: Server, seal: Seal, fetch: Fetch, tmp_path: Path
) -> None:
    (tmp_path / "volume").write_text("a file")
    is_refused(fetch(seal(s3_store(s3))), "cannot write")
