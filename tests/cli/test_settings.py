"""Each setting of a deployment has an option, for making and for changing one."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest
from click.testing import Result

import hopsartifacts
from hopsartifacts import Deployment, Model
from hopsartifacts.cli.app import app
from hopsartifacts.cli.settings import settings_given

Run = Callable[..., Result]
Answer = Callable[..., Any]

ALL = (
    *("--description", "mine", "--api-protocol", "grpc", "--instances", "2"),
    *("--request", "cores=0.5", "--request", "memory=100", "--limit", "memory=2000"),
    *("--logger", "PREDICTIONS", "--kafka-topic", "t", "--kafka-servers", "k:9092"),
    *("--batch-size", "8", "--batch-latency", "5", "--batch-timeout", "3"),
    *("--env", "A=1", "--env", "B=2", "--environment", "python"),
)


def deployed() -> Deployment:
    found: Deployment = hopsartifacts.login().get_model_serving().get_deployment("m")
    return found


@pytest.fixture
def script(run: Run, make_files: Callable[..., Path], make_script: Any) -> Path:
    """Save two versions of a model, and return a script for them."""
    for content in (b"1", b"2"):
        assert run("models", "save", "m", make_files({"w": content})).exit_code == 0
    made: Path = make_script()
    return made


def options_of(*path: str) -> set[str]:
    command: click.Command = app
    for name in path:
        assert isinstance(command, click.Group)
        command = command.commands[name]
    return {str(option.name) for option in command.params}


def test_every_setting_has_an_option() -> None:
    parts = {
        "resources": {"instances", "requests", "limits"},
        "inference_logger": {"logger", "kafka_topic", "kafka_servers"},
        "inference_batcher": {
            *("batcher", "batch_size", "batch_latency", "batch_timeout")
        },
    }
    settings = inspect.signature(Model.deploy).parameters.keys() - {"self"}
    wanted = {it for name in settings for it in parts.get(name, {name})}
    assert wanted <= options_of("deployments", "create")
    assert wanted <= options_of("deployments", "update") | {"name"}


def test_all_settings_are_given_when_it_is_made(run: Run, script: Path) -> None:
    result = run("deployments", "create", "m", "1", "--script", script, *ALL)
    assert result.exit_code == 0, result.output
    made = deployed()
    assert (made.description, made.api_protocol) == ("mine", "GRPC")
    resources = made.resources.to_dict()
    assert resources["num_instances"] == 2
    assert resources["requests"] == {"cores": 0.5, "memory": 100, "gpus": 0}
    assert resources["limits"] == {"cores": 2.0, "memory": 2000, "gpus": 0}
    logger, batcher = made.inference_logger, made.inference_batcher
    assert logger is not None
    assert logger.kafka_topic is not None
    assert (logger.mode, logger.kafka_topic.name) == ("PREDICTIONS", "t")
    assert logger.kafka_topic.servers == "k:9092"
    assert batcher is not None
    assert (batcher.max_batch_size, batcher.max_latency, batcher.timeout) == (8, 5, 3)
    assert made.env_vars == {"A": "1", "B": "2"}


def test_an_update_changes_what_is_given_alone(
    run: Run, answer: Answer, script: Path
) -> None:
    """Parts of a setting stay, too: a topic's servers, one limit, one variable."""
    run("deployments", "create", "m", "1", "--script", script, *ALL)
    before = deployed()
    made = answer(
        *("deployments", "update", "m", "--limit", "cores=1", "--why", "too many"),
        *("--logger", "ALL", "--batch-size", "4", "--env", "B=3"),
    )
    assert (made["version"], made["model_version"]) == (2, 1)
    after = deployed()
    limits = after.resources.to_dict()["limits"]
    assert limits == {"cores": 1.0, "memory": 2000, "gpus": 0}
    assert after.resources.requests == before.resources.requests
    assert after.inference_logger is not None
    assert before.inference_logger is not None
    assert after.inference_logger.mode == "ALL"
    assert after.inference_logger.kafka_topic == before.inference_logger.kafka_topic
    assert after.inference_batcher is not None
    assert after.inference_batcher.max_batch_size == 4
    assert after.inference_batcher.max_latency == 5
    assert after.env_vars == {"A": "1", "B": "3"}
    assert (after.description, after.script_file) == ("mine", before.script_file)
    assert after.get_history()[0].why == "too many"


def test_an_update_moves_to_another_version_of_the_model(
    run: Run, answer: Answer, script: Path
) -> None:
    run("deployments", "create", "m", "1", "--script", script)
    made = answer("deployments", "update", "m", "--model-version", 2)
    assert (made["version"], made["model_version"]) == (2, 2)
    assert run("deployments", "update", "m", "--description", "a").output == (
        'Saved m version 3 (description: nothing -> "a")\n'
    )
    unchanged = run("deployments", "update", "m", "--model-version", 2)
    assert unchanged.output == "Nothing changed: m stays at version 3\n"
    refused = run("deployments", "update", "m", "--model-version", 9)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "has no version 9" in refused.stderr


def test_the_settings_are_shown(run: Run, script: Path) -> None:
    run("deployments", "create", "m", "1", "--script", script)
    shown = " ".join(run("deployments", "show", "m").output.split())
    assert "protocol: REST instances: 1 status: " in shown
    run("deployments", "update", "m", *ALL)
    shown = " ".join(run("deployments", "show", "m").output.split())
    assert "protocol: GRPC instances: 2 " in shown
    assert "limits: cores=2, memory=2000, gpus=0 logger: PREDICTIONS " in shown
    assert "environment variables: A, B status: " in shown


def test_an_update_takes_settings_away(
    run: Run, script: Path, transformer_script: Path
) -> None:
    run(
        *("deployments", "create", "m", "1", "--script", script),
        *("--transformer", transformer_script, "--logger", "ALL", "--batcher"),
    )
    assert deployed().transformer is not None
    result = run(
        *("deployments", "update", "m", "--transformer", ""),
        *("--logger", "NONE", "--no-batcher"),
    )
    assert result.exit_code == 0, result.output
    after = deployed()
    assert after.transformer is None
    assert after.inference_logger is None
    assert after.inference_batcher is None


def test_an_empty_text_removes_each_setting(
    run: Run, script: Path, tmp_path: Path
) -> None:
    """After all options were taken back, the specification is the first one again."""
    more, golden = tmp_path / "more.txt", tmp_path / "golden.json"
    lock = tmp_path / "requirements.txt"
    more.write_text("more")
    golden.write_text("[[1]]")
    lock.write_text("click==8.0.0\n")
    plain = run("deployments", "create", "m", "1", "--script", script)
    assert plain.exit_code == 0, plain.output
    before = deployed().specification
    given = {
        "--description": "mine",
        "--instances": 2,
        "--batch-size": 8,
        "--batch-latency": 5,
        "--batch-timeout": 3,
        "--config": more,
        "--file": more,
        "--env": "A=1",
        "--environment": "python",
        "--environment-lock": lock,
        "--golden-request": golden,
        "--serving-tool": "KSERVE",
    }
    options = [it for pair in given.items() for it in pair]
    changed = run("deployments", "update", "m", "--ignore-environment", *options)
    assert changed.exit_code == 0, changed.output
    assert deployed().specification != before
    empty = [it for name in given for it in (name, "")]
    removed = run("deployments", "update", "m", *empty, "--no-batcher")
    assert removed.exit_code == 2  # --batch-size would be given and taken away
    removed = run("deployments", "update", "m", *empty)
    assert removed.exit_code == 0, removed.output
    batcher = deployed().inference_batcher
    assert batcher is not None
    assert not batcher.has_settings
    removed = run("deployments", "update", "m", "--no-batcher")
    assert removed.exit_code == 0, removed.output
    after = msgspec.structs.replace(deployed().specification, artifact=before.artifact)
    assert after == before
    assert deployed().artifact_version == 1


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--limit", "memory"], 2, "'memory' is not KEY=VALUE"),
        (["--limit", "ram=5"], 1, "limits have no 'ram': use cores, memory and gpus"),
        (["--batch-size", "0"], 1, "--batch-size is 0"),
        (["--no-batcher", "--batch-size", "2"], 2, "--no-batcher cannot be combined"),
        (["--kafka-servers", "k:1"], 2, "--kafka-servers needs --kafka-topic"),
        (["--instances", "-1"], 1, "is -1: give 0 or a positive whole number"),
    ],
    ids=lambda it: " ".join(it) if isinstance(it, list) else "",
)
def test_a_setting_that_makes_no_sense_is_told(
    run: Run, script: Path, options: list[str], code: int, words: str
) -> None:
    run("deployments", "create", "m", "1", "--script", script)
    for command in (("create", "m", "1", "--script", script), ("update", "m")):
        result = run("deployments", *command, *options)
        assert (result.exit_code, result.stdout) == (code, "")
        assert words in result.stderr
    assert deployed().version == 1


def test_settings_that_were_not_given_are_not_there() -> None:
    options = dict.fromkeys(options_of("deployments", "create"))
    assert settings_given(options) == {}


def test_a_dry_run_shows_what_would_happen_and_saves_nothing(
    run: Run, script: Path
) -> None:
    result = run("deployments", "create", "m", "--script", script, "--dry-run")
    assert result.exit_code == 0, result.output
    assert "Artifact version 1 is new" in result.stdout
    assert hopsartifacts.login().get_model_serving().get_deployments() == []


def test_a_dry_run_of_what_cannot_be_saved_says_all_that_is_wrong(
    run: Run, script: Path
) -> None:
    wrong = ("--name", "a-b", "--serving-tool", "DEFAULT", "--api-protocol", "GRPC")
    result = run("deployments", "create", "m", "--script", script, *wrong, "--dry-run")
    assert result.exit_code == 1
    assert "'a-b' is not a valid deployment name" in result.stdout
    assert "has no gRPC" in result.stdout
    result = run("deployments", "create", "m", *wrong[2:])
    assert "has no gRPC" in result.stderr
    assert "need a predictor script" in result.stderr
