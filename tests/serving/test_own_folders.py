"""What a script writes, and what it starts, stays in a folder of the worker's own."""

import importlib.util
import signal as signals
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from hopsartifacts.errors import DeploymentFailedError, HopsArtifactsError
from hopsartifacts.serving.local import LocalBackend
from tests.serving.conftest import FLOWERS

ASK = {"instances": [[1, 2]]}
PREDICTOR = """
class Predictor:
    def predict(self, inputs):
        {body}
        return 1
"""
WRITES = [
    'open("run.json", "w").write("{}")',
    'import pathlib; [p.unlink() for p in pathlib.Path().glob("*")]',
    'import glob; [open(p, "w") for p in ["state-x.json", *glob.glob("state-*")]]',
    'import glob; [open(p, "w") for p in ["launch-x.json", *glob.glob("launch-*")]]',
    "import shutil, os; shutil.rmtree(os.getcwd())",
]
NEEDS_JOBLIB = pytest.mark.skipif(
    importlib.util.find_spec("joblib") is None, reason="needs joblib"
)
POOL = (
    "with multiprocessing.get_context({!r}).Pool(1) as pool: "
    "found = pool.map(twice, [1, 2])"
)
WAYS = [
    pytest.param("predictor", POOL.format("fork"), id="fork"),
    pytest.param(
        "predictor",
        POOL.format("spawn"),
        id="spawn",
    ),
    pytest.param(
        "predictor",
        POOL.format("forkserver"),
        id="forkserver",
    ),
    pytest.param(
        "predictor",
        "with concurrent.futures.ProcessPoolExecutor(1, "
        "multiprocessing.get_context('spawn')) as pool: "
        "found = [*pool.map(Doubling(), [1, 2])]",
        id="executor, an object",
    ),
    pytest.param(
        "predictor",
        "import joblib; "
        "found = joblib.Parallel(2)(joblib.delayed(twice)(x) for x in [1, 2])",
        id="joblib",
        marks=NEEDS_JOBLIB,
    ),
    pytest.param(
        "predictor",
        "found = [pickle.loads(pickle.dumps(Doubling()))(x) for x in [1, 2]]",
        id="pickle",
    ),
    pytest.param(
        "predictor",
        "found = json.loads(subprocess.check_output([sys.executable, '-c', "
        "'import predictor_script as it; print([it.twice(1), it.twice(2)])'], "
        "env={**os.environ, 'PYTHONPATH': os.environ['ARTIFACT_FILES_PATH']}))",
        id="subprocess",
    ),
    pytest.param(
        "transformer",
        POOL.format("spawn"),
        id="transformer",
    ),
]


@pytest.mark.parametrize("body", WRITES)
def test_what_a_script_does_in_its_working_folder_is_its_own_affair(
    backend: LocalBackend,
    make_launch: Any,
    live: Callable[[], list[Any]],
    body: str,
) -> None:
    backend.start(make_launch(PREDICTOR.format(body=body)), await_running_s=60)
    for _ in range(2):
        # Whatever becomes of the request.
        with suppress(HopsArtifactsError):
            backend.predict(FLOWERS, ASK)
        assert backend.state(FLOWERS).status == "Running"
    backend.stop(FLOWERS, await_stopped_s=30)
    assert backend.state(FLOWERS).status == "Stopped"
    assert live() == []


def test_each_worker_has_a_new_folder_that_goes_with_it(
    backend: LocalBackend, make_launch: Any, run_root: Path
) -> None:
    code = """
    import os
    class Predictor:
        def __init__(self):
            self.found = os.listdir()
            open("cache.bin", "w").close()

        def predict(self, inputs):
            if inputs == [[0]]:
                os._exit(1)
            return [self.found, os.getcwd()]
    """
    backend.start(make_launch(code), await_running_s=60)
    found, first = backend.predict(FLOWERS, ASK)["predictions"]
    assert found == []
    assert Path(first).is_relative_to(run_root)
    with pytest.raises(Exception, match="ended while it answered"):
        backend.predict(FLOWERS, {"instances": [[0]]})
    found, second = backend.predict(FLOWERS, ASK)["predictions"]
    assert found == []
    assert first != second
    assert not Path(first).exists()
    backend.stop(FLOWERS, await_stopped_s=30)
    assert not Path(second).parent.exists()


@pytest.mark.parametrize(("component", "way"), WAYS)
def test_what_a_script_defines_reaches_the_processes_it_starts(
    backend: LocalBackend, make_launch: Any, component: str, way: str
) -> None:
    """So do modules beside it, and packages among the additional files."""
    method = "predict" if component == "predictor" else "preprocess"
    code = f"""
    import concurrent.futures, json, multiprocessing, os, pickle, subprocess, sys
    import beside
    from package.inside import ONE

    def twice(x):
        return beside.TWO * x * ONE

    class Doubling:
        def __call__(self, x):
            return twice(x)

    class {component.title()}:
        def {method}(self, inputs):
            {way.replace("predictor_script", f"{component}_script")}
            return found
    """
    scripts = {component: code}
    if component == "transformer":
        scripts["predictor"] = "class Predictor:\n    def predict(self, x): return x"
    launch = make_launch(**scripts)
    sealed = Path(launch.artifact_files_path)
    (sealed / "beside.py").write_text("TWO = 2")
    (sealed / "package").mkdir()
    (sealed / "package" / "inside.py").write_text("ONE = 1")
    before = sorted(sealed.rglob("*"))
    backend.start(launch, await_running_s=60)
    assert backend.predict(FLOWERS, ASK) == {"predictions": [2, 4]}
    assert sorted(sealed.rglob("*")) == before


def test_processes_of_a_script_leave_no_bytecode_with_the_model(
    backend: LocalBackend, make_launch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    launch = make_launch(
        """
        import os, subprocess, sys

        class Predictor:
            def predict(self, inputs):
                command = [sys.executable, "-c", "import shipped"]
                subprocess.run(command, cwd=os.environ["MODEL_FILES_PATH"], check=True)
                sys.path.append(os.environ["MODEL_FILES_PATH"])
                import shipped
                return 1
        """
    )
    (Path(launch.model_files_path) / "shipped.py").write_text("")
    backend.start(launch, await_running_s=60)
    assert backend.predict(FLOWERS, ASK) == {"predictions": 1}
    found = [path.name for path in Path(launch.model_files_path).iterdir()]
    assert found == ["shipped.py"]


def test_only_sealed_files_are_imported(
    backend: LocalBackend, make_launch: Any
) -> None:
    launch = make_launch(
        """
        import importlib.util
        class Predictor:
            def predict(self, inputs):
                return [importlib.util.find_spec(it) is None for it in ("new", "old")]
        """,
        artifact_files=("predictor-script.py", "old.py"),
        notes=("files lie beside it",),
    )
    for name in ("new.py", "old.py"):
        (Path(launch.artifact_files_path) / name).touch()
    backend.start(launch, await_running_s=60)
    assert backend.predict(FLOWERS, ASK) == {"predictions": [True, False]}
    log = backend.read_logs(FLOWERS, "predictor", 100)
    assert "keeper: files lie beside it" in log


@pytest.mark.parametrize("signal", ["SIGTERM", "SIGINT"])
def test_a_process_that_a_script_forks_ends_when_it_is_told_to(
    backend: LocalBackend, make_launch: Any, signal: str
) -> None:
    launch = make_launch(
        f"""
        import multiprocessing, os, signal, time
        class Predictor:
            def predict(self, inputs):
                child = multiprocessing.get_context("fork").Process(
                    target=time.sleep, args=[600], daemon=True
                )
                child.start()
                time.sleep(0.2)
                os.kill(child.pid, signal.{signal})
                child.join(10)
                return child.exitcode
        """
    )
    backend.start(launch, await_running_s=60)
    code = backend.predict(FLOWERS, ASK)["predictions"]
    assert code == -getattr(signals, signal)
    assert backend.state(FLOWERS).status == "Running"


@pytest.mark.parametrize("name", ["predictor_script.py", "transformer_script.py"])
def test_a_file_with_the_name_of_a_scripts_module_is_refused(
    backend: LocalBackend, make_launch: Any, name: str
) -> None:
    launch = make_launch("class Predictor: ...", "class Transformer: ...")
    (Path(launch.artifact_files_path) / name).touch()
    with pytest.raises(DeploymentFailedError, match=f"a file {name}, .* another name"):
        backend.start(launch, await_running_s=60)
