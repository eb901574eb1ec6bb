"""Every way to log in."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hopsworks
from common import CERTIFICATE, HOST, KEY, PORT, PROJECT, login, refused
from hopsworks_common.client.exceptions import (
    HopsworksSSLClientError,
    ProjectException,
)


@contextlib.contextmanager
def _environment(**variables: str) -> Iterator[None]:
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            del os.environ[name]


def with_arguments(_: Any) -> None:
    project = login()
    assert project.name == PROJECT
    assert project.id
    assert project.owner
    assert project.get_url().startswith(f"https://{HOST}:{PORT}/p/")
    assert hopsworks.get_current_project().name == PROJECT


def with_a_key_file(_: Any) -> None:
    path = Path("key.txt")
    path.write_text(KEY)
    assert login(api_key_value=None, api_key_file=str(path)).name == PROJECT


def without_a_project(_: Any) -> None:
    assert login(project=None).name == PROJECT


def with_variables_alone(_: Any) -> None:
    given = {"HOST": HOST, "PORT": str(PORT), "PROJECT": PROJECT, "API_KEY": KEY}
    with _environment(**{f"HOPSWORKS_{name}": it for name, it in given.items()}):
        assert hopsworks.login().name == PROJECT


def with_the_certificate_checked(_: Any) -> None:
    project = login(hostname_verification=True, trust_store_path=CERTIFICATE)
    assert project.name == PROJECT
    assert project.get_dataset_api().exists("Models")


def not_with_a_certificate_nobody_vouches_for(_: Any) -> None:
    with refused(HopsworksSSLClientError):
        login(hostname_verification=True)


def not_with_a_wrong_key(_: Any) -> None:
    with refused(status=401):
        login(api_key_value="nobodys")
    # Somebody who tries many is told to wait, in whichever words.
    for key in (KEY + "x", KEY[:-1], "", "ä", *map(str, range(20))):
        with refused(Exception):
            login(api_key_value=key)
    assert login().name == PROJECT


def not_into_another_project(_: Any) -> None:
    with refused(ProjectException, says="nowhere"):
        login(project="nowhere")


def again_and_again(_: Any) -> None:
    for _number in range(3):
        assert login().name == PROJECT
        hopsworks.logout()
    login()


STEPS = (
    with_arguments,
    with_a_key_file,
    without_a_project,
    with_variables_alone,
    with_the_certificate_checked,
    not_with_a_certificate_nobody_vouches_for,
    not_with_a_wrong_key,
    not_into_another_project,
    again_and_again,
)
