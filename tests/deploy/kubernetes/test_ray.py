"""The Ray job: pods that are valid for Kubernetes and as bound as all others, and the image that they run."""

from __future__ import annotations

import re
from typing import Any

import kubernetes_validate
import pytest

from app.cli.main import COMMANDS
from config.settings import describe_settings
from tests.deploy.kubernetes.rendering import PLACE, read_documents
from tests.rules.repository import ROOT

NEWEST = ("1.36", "1.37")
(JOB,) = read_documents(PLACE / "jobs" / "score.yaml")
CLUSTER = JOB["spec"]["rayClusterSpec"]
GROUPS = [CLUSTER["headGroupSpec"], *CLUSTER["workerGroupSpecs"]]
PODS = [group["template"]["spec"] for group in GROUPS]
CONTAINERS = [container for pod in PODS for container in [*pod["initContainers"], *pod["containers"]]]


def list_variables(container: Any) -> set[str]:
    return {variable["name"] for variable in container["env"]}


@pytest.mark.parametrize("version", NEWEST)
@pytest.mark.parametrize("pod", PODS)
def test_its_pods_are_valid_for_the_newest_kubernetes(pod: Any, version: str) -> None:
    document = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "node"}, "spec": pod}
    kubernetes_validate.validate(document, version, strict=True)


@pytest.mark.parametrize("pod", PODS)
def test_its_pods_run_as_a_user_without_rights(pod: Any) -> None:
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsUser"] == 10001
    assert pod["securityContext"]["runAsNonRoot"] is True
    # The key that signs is in the same secret as the public one.
    (secret,) = [volume["secret"] for volume in pod["volumes"] if "secret" in volume]
    assert [item["key"] for item in secret["items"]] == ["signing.pub"]


def test_every_container_has_limits_and_no_rights_and_the_same_places() -> None:
    for container in CONTAINERS:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert all({"cpu", "memory"} <= container["resources"][kind].keys() for kind in ("requests", "limits"))
        assert container["volumeMounts"] == CONTAINERS[0]["volumeMounts"]


def test_what_it_starts_and_sets_exists() -> None:
    program, command, *_, option, engine = JOB["spec"]["entrypoint"].split()
    assert (program, option, engine) == ("gluonserve", "--engine", "ray")
    assert command in COMMANDS
    assert set().union(*map(list_variables, CONTAINERS)) <= {name for name, *_ in describe_settings()}


def test_its_version_of_ray_is_that_of_the_image() -> None:
    lock = (ROOT / "deploy" / "requirements-cluster.lock").read_text(encoding="utf-8")
    versions = dict(re.findall(r"(?m)^(ray|s3fs)==(\S+)", lock))
    assert versions.keys() == {"ray", "s3fs"}
    assert versions["ray"] == CLUSTER["rayVersion"]
    assert {container["image"] for container in CONTAINERS} == {"gluonserve:cluster"}
