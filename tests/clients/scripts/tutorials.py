"""What public scripts do, written after the vendor's tutorials, and what goes wrong."""

from __future__ import annotations

import contextlib
import ssl
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
from common import PROJECT, RELEASE, folder, missing, refused
from deployments import PREDICTOR, WHILE_STARTING, saved_model

NAMES_VLLM_VARIANTS = RELEASE >= (4, 8)


def a_script_uploaded_to_models(project: Any) -> None:
    files = project.get_dataset_api()
    for factor in (2, 3):
        Path("predict_example.py").write_text(PREDICTOR.format(factor=factor))
        uploaded = files.upload("predict_example.py", "Models", overwrite=True)
    path = f"/Projects/{project.name}/{uploaded}"
    assert files.exists(uploaded)
    model = saved_model(project, "tutorial")
    deployment = model.deploy(name="tutorial", script_file=path)
    deployment.start(await_running=WHILE_STARTING)
    assert deployment.predict(inputs=[[1]]) == {"predictions": [[3]]}
    deployment.delete(force=True)
    files.copy(uploaded, "Resources/copied.py")
    files.move("Resources/copied.py", "Models/moved.py")
    assert Path(files.download("Models/moved.py", overwrite=True)).read_text()
    files.remove("Models/moved.py")
    assert not files.exists("Models/moved.py")
    Path("README").write_text("no script")
    with refused(says="'Resources'", status=403):
        files.upload("README", "Models")


def paths_in_every_form(project: Any) -> None:
    files = project.get_dataset_api()
    Path("formed.py").write_text(PREDICTOR.format(factor=2))
    files.upload("formed.py", "Resources", overwrite=True)
    model = saved_model(project, "formed")
    root = f"/Projects/{PROJECT}"
    for path in (
        "Resources/formed.py",
        "/Resources/formed.py",
        f"{root}/Resources/formed.py",
        f"hdfs://{root}/Resources/formed.py",
    ):
        assert files.exists(path), path
        deployment = model.deploy(name="formed", script_file=path)
        assert Path(deployment.script_file).name == "formed.py"
        deployment.delete()


def a_save_that_fails_and_is_run_again(project: Any) -> None:
    registry = project.get_model_registry()
    place = folder("again", {"model.bin": "weights"})
    Path("empty").mkdir(exist_ok=True)
    flaws = {
        "mistyped": ({}, "mistyped/path"),
        "not a number": ({"metrics": {"auc": float("nan")}}, place),
        "numpy": ({"metrics": {"auc": np.float32(0.5)}}, place),
        "empty": ({}, "empty"),
    }
    for number, (kind, (settings, path)) in enumerate(flaws.items()):
        for version in (None, 1):
            name = f"again_{number}_{version}"
            given = {"version": version, **settings}
            for _ in range(2):
                with contextlib.suppress(Exception):
                    registry.python.create_model(name, **given).save(path)
                    raise SystemExit(f"{kind}: this was not refused")
                assert missing(lambda name=name: registry.get_model(name)), kind
            saved = registry.python.create_model(name, version=version).save(place)
            assert saved.version == 1, (kind, version, saved.version)
            assert registry.get_model(name).version == 1
    with refused(says="is NaN: only finite numbers can be compared", status=400):
        flawed = registry.python.create_model("nan", metrics={"auc": float("nan")})
        flawed.save(place)


def a_language_model(project: Any) -> None:
    model = saved_model(project, "llama", "llm")
    files = project.get_dataset_api()
    Path("vllm.yaml").write_text("max-model-len: 128\n")
    config = files.upload("vllm.yaml", "Resources", overwrite=True)
    given = {"config_file": f"/Projects/{PROJECT}/{config}"}
    deployment = model.deploy(name="llama", **given)
    assert deployment.model_server == "VLLM"
    with refused(says="vLLM", status=422):
        deployment.start(await_running=WHILE_STARTING)
    deployment.delete(force=True)
    if NAMES_VLLM_VARIANTS:
        with refused(says="vllm_variant", status=400):
            model.deploy(name="omni", vllm_variant="VLLM_OMNI", **given)


def links_lead_to_a_page(project: Any) -> None:
    model = saved_model(project, "linked", "sklearn")
    deployment = model.deploy(name="linked")
    # The test's certificate is its own; that it is checked is tried with the login.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    for link, path in (
        (project.get_url(), "/ui"),
        (model.get_url(), "/ui/models/linked/versions/1"),
        (deployment.get_url(), "/ui/deployments/linked"),
    ):
        with urllib.request.urlopen(link, context=context) as page:  # noqa: S310 - https
            assert urllib.parse.urlsplit(page.url).path == path, link
            assert "<title>hopsartifacts</title>" in page.read().decode(), link
    deployment.delete()


def what_is_not_here(project: Any) -> None:
    for ask in (
        project.get_feature_store,
        lambda: project.get_job_api().get_jobs(),
        lambda: project.get_kafka_api().get_topics(),
        lambda: project.get_environment_api().get_environments(),
    ):
        with (
            contextlib.suppress(AttributeError),  # not in every release
            refused(says="not available here: this server has", status=404),
        ):
            ask()


STEPS = (
    a_script_uploaded_to_models,
    paths_in_every_form,
    a_save_that_fails_and_is_run_again,
    a_language_model,
    links_lead_to_a_page,
    what_is_not_here,
)
