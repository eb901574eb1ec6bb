"""The tab with the manifest of a deployment for a Kubernetes cluster."""

import re
from pathlib import Path

from playwright.sync_api import expect

from tests.web.projects import fill
from tests.web.sites import Site, complaints

IMAGE = f"registry.example/hopsartifacts@sha256:{'1' * 64}"


def test_a_manifest_is_written_from_a_few_settings(site: Site, tmp_path: Path) -> None:
    fill(site.project, tmp_path)
    page = site.visit("/ui/deployments/frauddetector")
    page.get_by_role("link", name="Manifest", exact=True).click()
    image = page.get_by_label("Image", exact=True)
    expect(image).to_have_attribute("aria-invalid", "true")
    expect(image).to_have_accessible_description(re.compile("by its digest"))
    show = page.get_by_role("button", name="Show the manifest")
    image.fill(IMAGE)
    show.click()
    expect(page.get_by_role("alert").last).to_contain_text("claim")
    page.get_by_label("Volume claim").fill("projects")
    page.get_by_label("Namespace").fill("staging")
    show.click()
    text = page.get_by_role("region", name="Manifest of frauddetector")
    expect(text).to_contain_text("kind: InferenceService")
    expect(text).to_contain_text("namespace: staging")
    expect(text).to_contain_text("hops://frauddetector/2?project=file")
    assert complaints(page) == []
    page.get_by_role("button", name="command line").click()
    command = page.get_by_role("dialog").get_by_role("region", name="command line")
    expect(command).to_contain_text(
        f"hopsartifacts deployments manifest frauddetector --image {IMAGE} "
        "--namespace staging --claim projects"
    )
    page.keyboard.press("Escape")
    page.reload()
    expect(text).to_contain_text("namespace: staging")
