"""What kustomize makes of an overlay, as far as ours use it: patches that merge maps and replace all else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tests.rules.repository import ROOT

PLACE = ROOT / "deploy" / "kubernetes"
OVERLAYS = ("base", "overlays/production", "overlays/trial")
Document = dict[str, Any]


def read_documents(path: Path) -> list[Document]:
    return [document for document in yaml.safe_load_all(path.read_text(encoding="utf-8")) if document]


def render(folder: Path) -> list[Document]:
    """All resources of a folder with a kustomization, patched."""
    (kustomization,) = read_documents(folder / "kustomization.yaml")
    found: list[Document] = []
    for name in kustomization["resources"]:
        path = folder / name
        found += render(path.resolve()) if path.is_dir() else read_documents(path)
    patches = [patch for entry in kustomization.get("patches", ()) for patch in read_documents(folder / entry["path"])]
    for patch in patches:
        (place,) = [place for place, document in enumerate(found) if _identify(document) == _identify(patch)]
        found[place] = _merge(found[place], patch)
    return found


def read_settings(folder: Path) -> dict[str, str]:
    """What the ConfigMap of a folder holds."""
    (kustomization,) = read_documents(folder / "kustomization.yaml")
    settings: dict[str, str] = {}
    for name in kustomization["resources"]:
        if (folder / name).is_dir():
            settings |= read_settings((folder / name).resolve())
    for generator in kustomization.get("configMapGenerator", ()):
        lines = [line for file in generator.get("envs", ()) for line in (folder / file).read_text().splitlines()]
        pairs = (tuple(line.split("=", 1)) for line in [*lines, *generator.get("literals", ())])
        settings |= dict(pairs)
    return settings


def list_pods(documents: list[Document]) -> dict[str, Document]:
    """The specifications of pods, by the names of what makes them."""
    return {
        document["metadata"].get("name", "train"): document["spec"]["template"]["spec"]
        for document in documents
        if document["kind"] in ("Deployment", "Job")
    }


def list_containers(documents: list[Document]) -> list[Document]:
    pods = list_pods(documents).values()
    return [container for pod in pods for container in [*pod.get("initContainers", ()), *pod["containers"]]]


def _identify(document: Document) -> tuple[str, str]:
    return document["kind"], document["metadata"]["name"]


def _merge(base: Any, patch: Any) -> Any:
    if not (isinstance(base, dict) and isinstance(patch, dict)):
        return patch
    merged = {**base, **{key: _merge(base.get(key), value) for key, value in patch.items()}}
    return {key: value for key, value in merged.items() if value is not None}
