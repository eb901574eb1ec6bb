"""Whose log what a script says goes to, though all scripts share a process."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from tests.serving.conftest import LaunchFactory

PREDICTOR = """
    import logging, sys, time
    print("predictor imported")
    class Predictor:
        def predict(self, inputs):
            print("predictor prints", inputs)
            logging.getLogger("mine").warning("predictor logs")
            return inputs
"""
TRANSFORMER = """
    import asyncio, logging, sys, threading
    print("transformer imported")
    class Transformer:
        def __init__(self):
            print("transformer created")
        async def preprocess(self, inputs):
            print("transformer prints", inputs["instances"])
            await asyncio.sleep(0.05 if inputs["instances"] == [1] else 0)
            asyncio.create_task(self.later())
            await asyncio.sleep(0)
            sys.stderr.write("transformer complains\\n")
            sys.stdout.buffer.write(b"transformer writes bytes\\n")
            sys.stdout.flush()
            return inputs
        async def later(self):
            print("transformer's task prints")
        def postprocess(self, outputs):
            logging.getLogger("mine").warning("transformer logs")
            thread = threading.Thread(target=print, args=["a thread prints"])
            thread.start()
            thread.join()
            if outputs["predictions"] == [3]:
                raise ValueError("transformer fails")
            return outputs
"""
MAIN = """
import asyncio, logging, sys
from pathlib import Path
import msgspec
from hopsartifacts.serving.contract import Launch
from hopsartifacts.serving.runtime.worker_logs import route_transformer
from hopsartifacts.serving.runtime.chain_loader import load_chain
from hopsartifacts.serving.runtime.protocol import PredictCall
from hopsartifacts.serving.runtime.service import Service
logging.basicConfig(level=logging.INFO)
if sys.argv[2]:
    route_transformer(Path(sys.argv[2]))
service = Service("f", 1, load_chain(msgspec.json.decode(sys.argv[1], type=Launch)))
async def main():
    bodies = [b'{"instances": [%d]}' % number for number in (1, 2, 3)]
    answers = [service.handle(PredictCall(b)) for b in bodies]
    print("statuses", [answer.status for answer in await asyncio.gather(*answers)])
asyncio.run(main())
"""


def run(make_launch: LaunchFactory, transformer: str, log: Path | None) -> str:
    launch = msgspec.json.encode(make_launch(PREDICTOR, transformer)).decode()
    finished = subprocess.run(
        [sys.executable, "-c", MAIN, launch, str(log or "")],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return finished.stdout


def test_each_component_has_its_own_log(
    make_launch: LaunchFactory, tmp_path: Path
) -> None:
    """Both components run in one process, and each has many ways to write."""
    log = tmp_path / "transformer.log"
    log.write_text("an earlier line\n")
    of_predictor = run(make_launch, TRANSFORMER, log)
    of_transformer = log.read_text()
    lines = of_transformer.splitlines()
    assert lines[:3] == [
        "an earlier line",
        "transformer imported",
        "transformer created",
    ]
    for number in (1, 2, 3):
        assert f"transformer prints [{number}]" in lines
        assert f"predictor prints [{number}]" in of_predictor.splitlines()
    assert lines.count("transformer complains") == 3
    assert lines.count("transformer writes bytes") == 3
    assert lines.count("transformer's task prints") == 3
    assert lines.count("WARNING:mine:transformer logs") == 3
    assert "ERROR:hopsartifacts.serving:the transformer failed" in lines
    assert "ValueError: transformer fails" in lines
    assert "predictor" not in of_transformer
    assert "predictor imported" in of_predictor
    assert of_predictor.count("WARNING:mine:predictor logs") == 3
    assert "statuses [200, 200, 500]" in of_predictor
    # What is not of the request cannot be told apart.
    assert of_predictor.count("a thread prints") == 3
    assert of_predictor.count("transformer") == 0


def test_without_a_log_of_its_own_all_goes_to_one(make_launch: LaunchFactory) -> None:
    said = run(make_launch, TRANSFORMER, None)
    assert "transformer prints [1]" in said
    assert "ValueError: transformer fails" in said


@pytest.mark.parametrize("code", ["1 / 0", "class Other: pass"])
def test_a_transformer_that_does_not_load_says_so_in_both_logs(
    make_launch: LaunchFactory, tmp_path: Path, code: str
) -> None:
    log = tmp_path / "transformer.log"
    of_process = run(make_launch, code, log)
    words = "ZeroDivisionError" if code == "1 / 0" else "has no class Transformer"
    assert words in log.read_text()
    assert words in of_process
