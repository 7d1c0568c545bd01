"""The manifests: valid for Kubernetes, and true to gluonserve's settings, commands and times."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

import kubernetes_validate
import pytest
import yaml

from app.cli.main import main
from config.settings import describe_settings
from tests.deploy.kubernetes.rendering import (
    OVERLAYS,
    PLACE,
    list_containers,
    list_pods,
    read_documents,
    read_settings,
    render,
)
from tests.rules.repository import ROOT

SETTINGS = {name for name, *_ in describe_settings()}
NEWEST = ("1.36", "1.37")
JOBS = read_documents(PLACE / "jobs" / "train.yaml")
ALL = {**{overlay: render(PLACE / overlay) for overlay in OVERLAYS}, "jobs": JOBS}
# Of Prometheus' operator, not of Kubernetes.
NOT_OF_KUBERNETES = {"ServiceMonitor"}


def find(overlay: str, kind: str, name: str) -> Any:
    (found,) = [one for one in ALL[overlay] if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    return found


@pytest.mark.parametrize("version", NEWEST)
@pytest.mark.parametrize("overlay", ALL)
def test_the_manifests_are_valid_for_the_newest_kubernetes(overlay: str, version: str) -> None:
    for document in ALL[overlay]:
        if document["kind"] not in NOT_OF_KUBERNETES:
            kubernetes_validate.validate(document, version, strict=True)


def test_a_misspelt_field_is_found() -> None:
    wrong = json.loads(json.dumps(find("base", "Deployment", "gluonserve-web")).replace("replicas", "replica"))
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, NEWEST[-1], strict=True)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_overlays_are_rendered_here_as_by_kustomize(overlay: str) -> None:
    # Where there is no kubectl, the other tests rely on what was found where there is one.
    if not shutil.which("kubectl"):
        return
    done = subprocess.run(["kubectl", "kustomize", PLACE / overlay], capture_output=True, text=True, check=True)
    rendered = [one for one in yaml.safe_load_all(done.stdout) if one["kind"] != "ConfigMap"]
    ours = {(one["kind"], one["metadata"]["name"]): one.get("spec") for one in ALL[overlay]}
    assert {(one["kind"], one["metadata"]["name"]) for one in rendered} == ours.keys()
    for one in rendered:
        if one["kind"] != "Deployment":
            assert one.get("spec") == ours[(one["kind"], one["metadata"]["name"])]


@pytest.mark.parametrize("overlay", ALL)
def test_every_container_has_limits_and_no_rights(overlay: str) -> None:
    for pod in list_pods(ALL[overlay]).values():
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert {pod["securityContext"][name] for name in ("runAsUser", "runAsGroup", "fsGroup")} == {10001}
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in list_containers(ALL[overlay]):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert all({"cpu", "memory"} <= container["resources"][kind].keys() for kind in ("requests", "limits"))
        assert {"tmp", "home"} <= {mount["name"] for mount in container["volumeMounts"]}


@pytest.mark.parametrize("overlay", ALL)
def test_settings_and_commands_are_those_of_gluonserve(overlay: str) -> None:
    containers = list_containers(ALL[overlay])
    named = {variable["name"] for container in containers for variable in container.get("env", ())}
    if overlay != "jobs":
        named |= read_settings(PLACE / overlay).keys()
    assert named - SETTINGS == set()
    assert {container["args"][0] for container in containers} - {*main.commands, "web"} == set()
    assert all({"secretRef": {"name": "gluonserve"}} in container["envFrom"] for container in containers)


def test_no_manifest_holds_a_secret() -> None:
    secrets = {"GLUONSERVE_SECRET", "REDIS_URL"}
    assert secrets & set().union(*(read_settings(PLACE / overlay) for overlay in OVERLAYS)) == set()
    assert [one["kind"] for documents in ALL.values() for one in documents if one["kind"] == "Secret"] == []


def test_the_probes_differ_and_a_busy_server_is_not_restarted_early() -> None:
    (web,) = list_pods(ALL["base"])["gluonserve-web"]["containers"]
    startup, liveness, readiness = (web[f"{kind}Probe"] for kind in ("startup", "liveness", "readiness"))
    assert [probe["httpGet"]["path"] for probe in (startup, liveness, readiness)] == [
        "/health/live",
        "/health/live",
        "/health/ready",
    ]
    assert startup["periodSeconds"] * startup["failureThreshold"] >= 120
    assert liveness["periodSeconds"] * liveness["failureThreshold"] >= 60
    assert readiness["periodSeconds"] * readiness["failureThreshold"] <= 10


def test_the_ports_agree() -> None:
    (web,) = list_pods(ALL["base"])["gluonserve-web"]["containers"]
    (port,) = find("base", "Service", "gluonserve")["spec"]["ports"]
    assert read_settings(PLACE / "base")["BIND"] == f"0.0.0.0:{web['ports'][0]['containerPort']}"
    assert port["targetPort"] == web["ports"][0]["name"] == "http"


def test_a_pod_goes_without_a_gap() -> None:
    deployment = find("base", "Deployment", "gluonserve-web")["spec"]
    pod = deployment["template"]["spec"]
    graceful = int(read_settings(PLACE / "base")["GLUONSERVE_GRACEFUL_TIMEOUT"])
    waits = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] > waits + graceful
    assert deployment["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert deployment["replicas"] == 3
    assert "replicas" not in find("overlays/production", "Deployment", "gluonserve-web")["spec"]


def test_only_predictions_are_asked_for_twice() -> None:
    retries = {
        one["spec"]["rules"][0]["http"]["paths"][0]["path"]: one["metadata"]["annotations"][
            "nginx.ingress.kubernetes.io/proxy-next-upstream"
        ]
        for one in ALL["overlays/production"]
        if one["kind"] == "Ingress"
    }
    assert retries == {"/": "off", "/predict": "error non_idempotent", "/jobs": "off"}


def test_the_autoscaler_counts_what_the_adapter_offers() -> None:
    metrics = find("overlays/production", "HorizontalPodAutoscaler", "gluonserve-web")["spec"]["metrics"]
    (adapter,) = read_documents(ROOT / "deploy" / "prometheus" / "adapter.yaml")
    (rule,) = adapter["rules"]["custom"]
    assert [metric["type"] for metric in metrics] == ["Resource", "Pods"]
    assert metrics[1]["pods"]["metric"]["name"] == rule["name"]["as"]


def test_compose_and_kubernetes_use_the_same_images() -> None:
    compose = yaml.safe_load((ROOT / "deploy" / "compose" / "compose.yaml").read_text(encoding="utf-8"))
    used = {service["image"] for service in compose["services"].values()}
    used |= {container["image"] for container in list_containers([*ALL["base"], *JOBS])}
    assert {image for image in used if "gluonserve" in image} == {"gluonserve:full", "gluonserve:slim"}
