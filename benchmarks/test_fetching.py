"""The init container of a pod against a plain copy of the same files.

Both are commands, so that both pay for their start. ``HOPSARTIFACTS_BENCH_FETCH_MB``
sets the size of the large files.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import hopsartifacts
from benchmarks.test_saving import ROUNDS, Record, make_files, report, timed
from hopsartifacts import Project
from hopsartifacts.deployments.versions import read_deployment
from hopsartifacts.serving.kserve.addresses import SealedAddress
from tests.pods.fetching.conftest import s3_environ
from tests.s3 import conftest
from tests.s3.conftest import Server

s3 = conftest.s3
SIZE_MB = int(os.environ.get("HOPSARTIFACTS_BENCH_FETCH_MB", "300"))
LARGE_FILES, SMALL_FILES, SMALL_BYTES = 20, 500, 20_000
# What a pod without any checks would run.
COPY_S3 = """
import os, sys, s3fs
filesystem = s3fs.S3FileSystem(endpoint_url=os.environ["AWS_ENDPOINT_URL"])
filesystem.get(sys.argv[1], sys.argv[2], recursive=True)
"""


def deployed(project: Project, folder: Path) -> SealedAddress:
    given = folder / "given"
    given.mkdir()
    make_files(given / "large", LARGE_FILES, SIZE_MB * 1_000_000 // LARGE_FILES)
    make_files(given / "small", SMALL_FILES, SMALL_BYTES)
    script = folder / "predict.py"
    script.write_text("class Predictor:\n    def predict(self, rows): return rows\n")
    model = project.get_model_registry().python.create_model("big").save(given)
    model.deploy(script_file=str(script))
    found = read_deployment(project.storage, "big")
    return SealedAddress(
        project_url=project.url,
        deployment="big",
        version=1,
        specification=found.current.specification.digest,
    )


def run(*command: str, **environ: str) -> None:
    subprocess.run(command, check=True, env={**os.environ, **environ})  # noqa: S603 - our own


def compared(
    copy: list[str], fetch: list[str], volume: Path, **environ: str
) -> tuple[list[float], list[float]]:
    copies, fetches = list[float](), list[float]()
    for _ in range(ROUNDS):
        for command, seconds in ((copy, copies), (fetch, fetches)):
            shutil.rmtree(volume, ignore_errors=True)
            seconds.append(timed(lambda it=command: run(*it, **environ)))
    return copies, fetches


def fetching(address: SealedAddress, volume: Path) -> list[str]:
    module = "hopsartifacts.pods.fetching"
    return [sys.executable, "-m", module, address.uri, str(volume)]


def test_from_a_mounted_folder(tmp_path: Path, record_property: Record) -> None:
    project = hopsartifacts.login(tmp_path / "project")
    address, volume = deployed(project, tmp_path), tmp_path / "volume"
    stored = project.storage.local_path("Models/big/1/Files")
    copy = ["cp", "-r", str(stored), str(volume)]
    copies, fetches = compared(copy, fetching(address, volume), volume)
    report("fetch", fetches, "cp -r", copies, record_property)


def test_from_s3(tmp_path: Path, s3: Server, record_property: Record) -> None:
    pytest.importorskip("s3fs")
    url = f"s3://{s3.bucket()}/p"
    project = hopsartifacts.login(url, storage_options=s3.options())
    address, volume = deployed(project, tmp_path), tmp_path / "volume"
    files = f"{url}/Models/big/1/Files/"
    copy = [sys.executable, "-c", COPY_S3, files, str(volume)]
    environ = s3_environ(s3.endpoint)
    copies, fetches = compared(copy, fetching(address, volume), volume, **environ)
    report("fetch", fetches, "s3fs.get", copies, record_property)
