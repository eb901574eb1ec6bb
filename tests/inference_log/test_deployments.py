"""Deployments with a batcher and an inference logger, run for real and asked."""

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.tree import DecisionTreeClassifier

import hopsartifacts
from hopsartifacts import (
    Deployment,
    InferenceBatcher,
    InferenceLogger,
    KafkaTopic,
    Model,
    Project,
)
from hopsartifacts.deployments.launch import KAFKA_SERVERS
from hopsartifacts.errors import (
    HopsArtifactsError,
    InvalidDeploymentError,
    PredictionError,
)

SCRIPT = """
import os, time
class Predictor:
    def predict(self, inputs):
        time.sleep(0.002)
        if [13] in inputs:
            raise ValueError("unlucky")
        return [[os.getpid(), *row] for row in inputs]
"""


@pytest.fixture
def deploy(
    save_model: Callable[..., Model], make_script: Callable[..., Path]
) -> Iterator[Any]:
    running: list[Deployment] = []

    def start(project: Project, **settings: Any) -> Deployment:
        save_model()
        model = project.get_model_registry().get_model("my_model")
        deployment: Deployment = model.deploy(
            script_file=make_script(SCRIPT),
            inference_logger="ALL",
            inference_batcher=InferenceBatcher(enabled=True, max_batch_size=8),
            **settings,
        )
        deployment.start()
        running.append(deployment)
        return deployment

    yield start
    for deployment in running:
        deployment.stop()


def ask(deployment: Deployment, number: int) -> Any:
    return deployment.predict(inputs=[[number]])["predictions"]


def test_every_answer_is_right_and_logged(project: Project, deploy: Any) -> None:
    """Of requests at the same time, each gets its own answer and its two messages."""
    deployment = deploy(project)
    before = len(deployment.read_inference_log())
    pid = ask(deployment, 0)[0][0]

    def right(number: int) -> bool:
        if number == 13:
            with pytest.raises(PredictionError, match="unlucky") as raised:
                ask(deployment, number)
            return raised.value.status == 500
        return bool(ask(deployment, number) == [[pid, number]])

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(right, range(1, 200)))
    table = deployment.read_inference_log()
    assert deployment.inference_log_drops() == 0
    assert len(table) - before == 2 * 200
    pairs = Counter(table["inferenceId"].to_pylist()).values()
    assert set(pairs) == {2}
    answers = deployment.read_inference_log(message_type="response")
    assert Counter(answers["responseHttpCode"].to_pylist())[500] == 1
    asked = deployment.read_inference_log(message_type="request")["payload"]
    sent = {f'{{"instances":[[{number}]]}}' for number in range(200)}
    assert sent <= {str(text).replace(" ", "") for text in asked.to_pylist()}
    deployment.stop()
    assert len(deployment.read_inference_log()) == len(table)
    assert set(table["servingId"].to_pylist()) == {deployment.id}


def test_what_was_answered_is_logged_when_the_worker_is_killed(
    project: Project, deploy: Any
) -> None:
    deployment = deploy(project)
    before = len(deployment.read_inference_log(message_type="response"))
    pid = ask(deployment, 0)[0][0]
    answered = [1]

    def until_killed(client: int) -> None:
        for number in range(100):
            if client == 0 and number == 20:
                os.kill(pid, signal.SIGKILL)
            try:
                [[answering, _]] = ask(deployment, client)
            except (HopsArtifactsError, OSError):
                return
            assert answering != 0
            answered.append(1)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(until_killed, range(8)))
    logged = len(deployment.read_inference_log(message_type="response")) - before
    # Some may have been noted down, and their answers lost with the worker.
    assert len(answered) <= logged <= len(answered) + 8
    assert len(answered) > 20
    assert deployment.inference_log_drops() == 0


def test_the_log_outlives_its_deployment_and_is_read_elsewhere(
    local_project: Project, project: Project, deploy: Any
) -> None:
    if project is not local_project:
        pytest.skip("memory ends with its process")
    deployment = deploy(project)
    ask(deployment, 1)
    rows = len(deployment.read_inference_log())
    elsewhere = hopsartifacts.login(project.url)
    found = elsewhere.get_model_serving().get_deployment(deployment.name)
    assert found is not None
    assert len(found.read_inference_log()) == rows
    deployment.delete(force=True)
    assert project.get_dataset_api().list(f"Logs/inference/{deployment.name}")
    # It is the user's: nothing looks after it, and nothing is in its way.
    assert project.verify().findings == ()


def test_what_waits_is_shipped_before_its_deployment_is_deleted(
    project: Project, deploy: Any
) -> None:
    deployment = deploy(project)
    ask(deployment, 1)
    deployment.stop()
    deployment.delete()
    logged = [it.path for it in project.storage.find("Logs/inference")]
    assert any(path.endswith(".parquet") for path in logged)
    again = deploy(project)
    assert len(again.read_inference_log()) == 0
    ask(again, 1)
    rows = again.read_inference_log()
    assert set(rows["servingId"].to_pylist()) == {again.id}


@pytest.mark.parametrize("project", ["local"], indirect=True)
def test_a_model_without_a_script_gets_batches(
    project: Project, make_files: Callable[..., Path]
) -> None:
    rows = np.arange(40.0).reshape(-1, 2)
    tree = DecisionTreeClassifier().fit(rows, np.arange(20))
    folder = make_files({"notes.txt": "a tree"})
    joblib.dump(tree, folder / "model.joblib")
    registry = project.get_model_registry()
    model = registry.sklearn.create_model("tree").save(folder)
    deployment = model.deploy(
        inference_batcher=InferenceBatcher(enabled=True, max_batch_size=16, timeout=30)
    )
    deployment.start()
    try:

        def right(number: int) -> bool:
            row = rows[number % 20].tolist()
            if number % 17 == 16:
                with pytest.raises(PredictionError, match="the rows have 3 values"):
                    deployment.predict(inputs=[[*row, 1.0]])
                return True
            answer = deployment.predict(inputs=[row])
            return bool(answer == {"predictions": [number % 20]})

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(right, range(100)))
    finally:
        deployment.stop()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": "a topic"}, "'a topic': use 1 to 249 letters"),
        ({"name": ".."}, "'..': use 1 to 249"),
        ({"name": ""}, "'': use 1 to 249"),
        ({"name": "CREATE"}, "topics are not made here"),
        ({"name": "t", "num_partitions": 3}, "topics are not made here"),
        ({"name": 5}, "5 is not a text"),
        ({"name": "t", "servers": 5}, "5 is not a text"),
    ],
    ids=str,
)
def test_a_topic_that_cannot_be_is_refused(given: Any, message: str) -> None:
    with pytest.raises(InvalidDeploymentError, match=message):
        KafkaTopic(**given)


def test_a_logger_takes_a_topic_or_its_name(
    project: Project, model: Model, make_script: Callable[..., Path]
) -> None:
    assert InferenceLogger(kafka_topic="t").kafka_topic == KafkaTopic("t")  # type: ignore[arg-type]
    with pytest.raises(InvalidDeploymentError, match="kafka_topic is a int"):
        InferenceLogger(kafka_topic=5)  # type: ignore[arg-type]
    logger = InferenceLogger(kafka_topic=KafkaTopic("t", servers="host:9092"))
    predictor = project.get_model_serving().create_predictor(
        model, script_file=make_script(), inference_logger=logger
    )
    assert predictor.inference_logger == logger


def test_a_topic_needs_servers_from_somewhere(
    project: Project,
    model: Model,
    make_script: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(KAFKA_SERVERS, raising=False)
    deployment = model.deploy(
        script_file=make_script(),
        inference_logger=InferenceLogger(kafka_topic=KafkaTopic("t")),
    )
    with pytest.raises(InvalidDeploymentError, match="nobody says where Kafka topic"):
        deployment.start()
    found = project.get_model_serving().get_deployment(deployment.name)
    assert found is not None
    assert found.inference_logger == InferenceLogger(kafka_topic=KafkaTopic("t"))
