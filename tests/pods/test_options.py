"""What the command line and the variables of the main container mean."""

from typing import Any

import pytest

from hopsartifacts.errors import InvalidInputError
from hopsartifacts.pods.serving.options import read_options, split_address

ADDRESSES = {
    "iris-predictor.ml": ("iris-predictor.ml", 80),
    "iris-predictor.ml:8080": ("iris-predictor.ml", 8080),
    "10.0.0.7:80": ("10.0.0.7", 80),
    "[::1]:8080": ("::1", 8080),
    "[::1]": ("::1", 80),
    "fd00::7": ("fd00::7", 80),
}
WRONG = ["", ":80", "http://there", "there:0", "there:http", "there:70000", "[]:80"]
SAID: dict[str, tuple[list[str], dict[str, Any]]] = {
    "nothing": ([], {"component": "predictor", "port": 8080, "grpc_port": None}),
    "our spelling": (
        ["--port", "81", "--grpc-port", "82", "--host", "::1"],
        {"port": 81, "grpc_port": 82, "host": "::1"},
    ),
    "KServe's spelling": (
        ["--http_port=81", "--grpc_port=82", "--model_name=m"],
        {"port": 81, "grpc_port": 82, "model_name": "m"},
    ),
    "the last one counts": (
        ["--port", "81", "--http_port", "82", "--model-name", "a", "--model_name", "b"],
        {"port": 82, "model_name": "b"},
    ),
    "a predictor needs no predictor": (
        ["--predictor_host", "there"],
        {"predictor_host": None},
    ),
    "a transformer": (
        [
            *("--component", "transformer", "--predictor-host", "a:81"),
            *("--predictor_host", "b.ml", "--http_port", "8080"),
        ],
        {"predictor_host": "b.ml", "predictor_port": 80, "port": 8080},
    ),
    "unknown ones": (
        ["--workers", "1", "--pred=x"],
        {"unknown": ("--workers", "1", "--pred=x")},
    ),
}


@pytest.mark.parametrize("case", SAID)
def test_options_mean(case: str) -> None:
    arguments, expected = SAID[case]
    options = read_options(["launch.json", *arguments], {})
    assert {name: getattr(options, name) for name in expected} == expected


def test_seconds_come_from_the_environment() -> None:
    environ = {
        "HOPSARTIFACTS_LEAVE_SECONDS": "0",
        "HOPSARTIFACTS_DRAIN_SECONDS": "1.5",
    }
    options = read_options(["launch.json"], environ)
    assert (options.leave_s, options.drain_s, options.predictor_s) == (0, 1.5, 300)
    for value in ("-1", "nan", "inf", "5m", ""):
        with pytest.raises(InvalidInputError, match="LEAVE_SECONDS"):
            read_options(["launch.json"], {"HOPSARTIFACTS_LEAVE_SECONDS": value})


@pytest.mark.parametrize("text", ADDRESSES)
def test_addresses_have_a_port_or_get_the_one_of_a_service(text: str) -> None:
    assert split_address(text) == ADDRESSES[text]


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="--predictor-host"):
        split_address(text)
