"""Many processes at one S3 server that is often busy and loses connections."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest

import hopsartifacts
from hopsartifacts.testing.children import children_for
from tests import depth
from tests.s3 import race_worker
from tests.s3.conftest import Server
from tests.s3.proxy import Proxy, Rule
from tests.s3.race_worker import Order

WRITERS = 32
VERSIONS = depth.usually(8, 30)
MODELS = 8
"""How many models the writers share; the server lets who loses a race wait a second,
so all of them at one model take long."""
READERS = 4
HARM = (
    Rule(do="refuse", status=503, chance=0.03),
    Rule(do="refuse", status=500, chance=0.01),
    Rule(do="cut request", method="PUT", chance=0.01),
    Rule(do="cut answer", method="GET", chance=0.01),
    Rule(do="lose answer", chance=0.01),
)


@pytest.mark.race
def test_no_version_is_lost_or_given_twice_or_read_in_part(
    proxy: Proxy, s3: Server, tmp_path: Path
) -> None:
    """All that goes wrong on a busy network happens at once, to many writers."""
    url = f"s3://{s3.bucket()}/p"
    models = [f"m{number}" for number in range(MODELS)]
    ended = tmp_path / "ended"
    ended.mkdir()
    options = Server(proxy.endpoint).options()
    proxy.plan(*HARM, seed=1)

    def order(who: str, **more: Any) -> Order:
        folder = tmp_path / who
        return Order(
            url=url, options=options, folder=folder, ended=ended, who=who, **more
        )

    readers = [
        partial(race_worker.read, order(f"r{n}", models=models, savers=WRITERS))
        for n in range(READERS)
    ]
    writers = [
        partial(
            race_worker.save,
            order(f"w{n}", models=[models[n % MODELS]], turns=VERSIONS),
        )
        for n in range(WRITERS)
    ]
    done = [it.answer for it in children_for(writers[0]).run([*readers, *writers])]
    read, written = done[:READERS], done[READERS:]

    assert [error for one in read for error in one["errors"]] == []
    assert min(one["reads"] for one in read) > 0
    proxied = proxy.seen()
    harmed = [one for one in proxied if one.done]
    reads = sum(one["reads"] for one in read)
    failed = sum(len(one["errors"]) for one in written)
    print(  # noqa: T201 - for who runs it with -s
        f"{len(proxied)} requests, {len(harmed)} of them harmed; {reads} versions "
        f"read; {failed} saves failed and were made again"
    )
    assert len(harmed) > len(proxied) / 100
    _check_every_version(url, s3, written)


def _check_every_version(url: str, s3: Server, written: list[dict[str, Any]]) -> None:
    project = hopsartifacts.login(url, storage_options=s3.options())
    told = {
        (one["model"], version): {"who": f"w{number}", "turn": turn}
        for number, one in enumerate(written)
        for version, turn in one["saved"]
    }
    assert len(told) == WRITERS * VERSIONS, "a number was given twice"
    registry = project.get_model_registry()
    stored = {
        (model.name, model.version): model.get_tags()
        for name in registry.list_models()
        for model in registry.get_models(name)
    }
    # What a writer was not told of may be there, if its last answer was lost.
    assert {key: stored.get(key) for key in told} == told
    uncertain = sum(len(one["errors"]) for one in written)
    assert len(told) <= len(stored) <= len(told) + uncertain
    assert project.verify().ok
