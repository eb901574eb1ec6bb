"""Runs the containers of a pod as a kubelet does: it knows only what the pod says.

Containers are processes of this machine. So what differs is replaced: a mounted volume
is a folder, the port of a pod is a free port, and a service is an address.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import httpx

from hopsartifacts.serving.process_environment import PACKAGE_HOME
from tests.pods.conftest import free_port

_PATIENCE_S = 60
_RESTARTS = "Always"
"""The policy of init containers that run beside the others."""


class Terminated(Exception):  # noqa: N818 - the word of Kubernetes
    """A container ended; it has the exit code and the termination message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"exit code {code}: {message}")
        self.code = code
        self.message = message


class Kubelet:
    """Runs one pod; with it, the pod ends.

    Args:
        pod: the specification of the pod.
        folder: an empty folder, for its volumes.
        claims: the folders of volume claims, by name.
        secrets: the members of Secrets, by name.
        services: the addresses of services, ``host:port``, by name.
    """

    def __init__(
        self,
        pod: Mapping[str, Any],
        folder: Path,
        *,
        claims: Mapping[str, Path] | None = None,
        secrets: Mapping[str, Mapping[str, str]] | None = None,
        services: Mapping[str, str] | None = None,
    ) -> None:
        self._pod = pod
        self._folder = folder
        self._secrets = secrets or {}
        self._services = services or {}
        self._volumes = {
            it["name"]: self._volume(it, claims or {}) for it in pod["volumes"]
        }
        main = pod["containers"][0]
        self._ports = {it["containerPort"]: free_port() for it in main["ports"]}
        self._running: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._running:
            process.kill()
            process.communicate()

    def start(self) -> Self:
        """Run the init containers, start the others, and wait until all are ready.

        Raises:
            Terminated: a container ended.
        """
        for container in self._pod.get("initContainers", ()):
            process = self._process(container)
            if container.get("restartPolicy") == _RESTARTS:
                self._running.append(process)
            else:
                self._check(container, process)
        mains = [(it, self._process(it)) for it in self._pod["containers"]]
        self._running += [process for _, process in mains]
        for container, process in mains:
            self._wait_ready(container, process)
        return self

    def stop(self) -> list[int]:
        """Ask the containers to end; return their exit codes, in order of the pod."""
        main, *_ = self._running[::-1]
        codes = []
        # Sidecars that are init containers end after the others.
        for process in (main, *(it for it in self._running if it is not main)):
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=_PATIENCE_S)
            codes.append(process.returncode)
        return codes

    def port(self, number: int) -> int:
        """Return the port of this machine that stands for a port of the pod."""
        return self._ports[number]

    def _volume(self, volume: Mapping[str, Any], claims: Mapping[str, Path]) -> Path:
        if "persistentVolumeClaim" in volume:
            return claims[volume["persistentVolumeClaim"]["claimName"]]
        assert "emptyDir" in volume, volume
        folder = self._folder / str(volume["name"])
        folder.mkdir()
        return folder

    def _process(self, container: Mapping[str, Any]) -> "subprocess.Popen[str]":
        python, *command = container["command"]
        assert python == "python"
        arguments = [
            self._here(it, container) for it in (*command, *container.get("args", ()))
        ]
        return subprocess.Popen(
            [sys.executable, *arguments],
            env=self._environment(container),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _environment(self, container: Mapping[str, Any]) -> dict[str, str]:
        image = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": PACKAGE_HOME,
            "HOPSARTIFACTS_TERMINATION_LOG": str(self._message_of(container)),
            # No service has to notice that the pod ends.
            "HOPSARTIFACTS_LEAVE_SECONDS": "1",
        }
        for source in container.get("envFrom", ()):
            image |= self._secrets[source["secretRef"]["name"]]
        given = {
            it["name"]: self._here(it["value"], container)
            for it in container.get("env", ())
        }
        spool = self._here("/var/hopsartifacts/spool", container)
        return {**image, "HOPSARTIFACTS_SPOOL": spool, **given}

    def _here(self, text: str, container: Mapping[str, Any]) -> str:
        """Return *text* with the paths, ports and services of this machine."""
        if text.isdigit() and int(text) in self._ports:
            return str(self._ports[int(text)])
        if text in self._services:
            return self._services[text]
        for mount in container.get("volumeMounts", ()):
            place = self._volumes[mount["name"]]
            # A claim is a whole volume, of which a folder may be mounted.
            folder = place / mount["subPath"] if "subPath" in mount else place
            if text == mount["mountPath"] or text.startswith(f"{mount['mountPath']}/"):
                return f"{folder}{text.removeprefix(mount['mountPath'])}"
        return text

    def _message_of(self, container: Mapping[str, Any]) -> Path:
        return self._folder / f"{container['name']}.message"

    def _check(
        self, container: Mapping[str, Any], process: "subprocess.Popen[str]"
    ) -> None:
        output, _ = process.communicate(timeout=_PATIENCE_S)
        if process.returncode:
            path = self._message_of(container)
            message = path.read_text() if path.exists() else output
            raise Terminated(process.returncode, message)

    def _wait_ready(
        self, container: Mapping[str, Any], process: "subprocess.Popen[str]"
    ) -> None:
        probe = container["readinessProbe"]["httpGet"]
        url = f"http://127.0.0.1:{self._ports[probe['port']]}{probe['path']}"
        end = time.monotonic() + _PATIENCE_S
        while time.monotonic() < end:
            if process.poll() is not None:
                self._check(container, process)
            try:
                if httpx.get(url, timeout=5).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        raise TimeoutError(f"{container['name']} does not become ready")
