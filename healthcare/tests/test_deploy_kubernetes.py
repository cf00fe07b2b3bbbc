"""The manifests: what they name is there, and every pod is as closed as it can be."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.urls import resolve

from scripts import deploy_check
from scripts.deploy_check import KUBERNETES, built_objects, containers_of, name_of, pod_of

OBJECTS = built_objects(KUBERNETES / "base") + built_objects(KUBERNETES / "components/pgbouncer")
PODS = [each for each in OBJECTS if pod_of(each)]
SERVING = [each for each in PODS if each["kind"] == "Deployment"]
CONTAINERS = [(name_of(each)[1], container) for each in PODS for container in containers_of(each)]


def of_kind(kind: str) -> list[dict[str, Any]]:
    return [each for each in OBJECTS if each["kind"] == kind]


def test_kustomizations_name_what_is_there() -> None:
    assert deploy_check.kustomize_faults(KUBERNETES) == []


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        ({"kustomization.yaml": "resources: [gone.yaml]"}, "names what is not there: gone.yaml"),
        ({"kustomization.yaml": "resources: []", "stray.yaml": ""}, "does not name stray.yaml"),
        (
            {
                "kustomization.yaml": "{resources: [a.yaml], patches: [{path: b.yaml}]}",
                "a.yaml": "{kind: Service, metadata: {name: web}}",
                "b.yaml": "{kind: Service, metadata: {name: wbe}}",
            },
            "b.yaml changes Service wbe, which is not there",
        ),
        (
            {"kustomization.yaml": "{images: [{name: nobody}]}"},
            "renames the image nobody, which nothing uses",
        ),
    ],
)
def test_a_kustomization_that_names_nothing_is_found(
    tmp_path: Path, files: dict[str, str], fault: str
) -> None:
    for name, text in files.items():
        given = text if name != "kustomization.yaml" else f"kind: Kustomization\n{text}"
        if text.startswith("{") and name == "kustomization.yaml":
            given = "{kind: Kustomization, " + text[1:]
        (tmp_path / name).write_text(given)
    assert deploy_check.kustomize_faults(tmp_path) == [f"kustomization.yaml: {fault}"]


def test_every_variable_is_a_setting() -> None:
    assert deploy_check.variable_faults() == []


def test_there_is_what_there_has_to_be() -> None:
    names = {name_of(each) for each in OBJECTS}
    assert {("Deployment", name) for name in ("web", "worker", "beat", "nginx")} <= names
    assert {("Job", "migrate"), ("HorizontalPodAutoscaler", "web")} <= names
    assert {("PodDisruptionBudget", "web"), ("NetworkPolicy", "nothing")} <= names


@pytest.mark.parametrize("manifest", PODS, ids=lambda each: name_of(each)[1])
def test_pods_are_nobody_in_particular(manifest: dict[str, Any]) -> None:
    spec = pod_of(manifest)["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] > 0
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False


@pytest.mark.parametrize(("pod", "container"), CONTAINERS, ids=lambda each: str(each)[:12])
def test_containers_are_closed_and_bounded(pod: str, container: dict[str, Any]) -> None:
    context = container["securityContext"]
    assert context["readOnlyRootFilesystem"] is True
    assert context["allowPrivilegeEscalation"] is False
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert set(container["resources"]["limits"]) == {"cpu", "memory"}
    assert set(container["resources"]["requests"]) == {"cpu", "memory"}
    assert "/tmp" in [mount["mountPath"] for mount in container["volumeMounts"]]


def test_probes_ask_for_paths_that_exist() -> None:
    web = next(each for each in SERVING if name_of(each)[1] == "web")
    (container,) = [each for each in containers_of(web) if each["name"] == "web"]
    asked = {
        kind: container[f"{kind}Probe"]["httpGet"]["path"]
        for kind in ("startup", "readiness", "liveness")
    }
    assert asked == {
        "startup": "/health/live",
        "readiness": "/health/ready",
        "liveness": "/health/live",
    }
    for path in asked.values():
        assert resolve(path)
    assert container["lifecycle"]["preStop"]


def test_there_is_time_to_drain() -> None:
    from healthcare.serve import IDLE_S

    web = next(each for each in SERVING if name_of(each)[1] == "web")
    (settings,) = [each["data"] for each in of_kind("ConfigMap") if name_of(each)[1] == "cds"][:1]
    needed = 5 + float(settings["DRAIN_S"]) + IDLE_S + float(settings["GRACE_S"]) + 5
    assert pod_of(web)["spec"]["terminationGracePeriodSeconds"] >= needed


def test_what_selects_finds_pods() -> None:
    labels = [pod_of(each)["metadata"]["labels"] for each in PODS]

    def found(wanted: dict[str, str]) -> bool:
        return any(wanted.items() <= each.items() for each in labels)

    for service in of_kind("Service"):
        assert found(service["spec"]["selector"]), name_of(service)
    for deployment in SERVING:
        assert found(deployment["spec"]["selector"]["matchLabels"]), name_of(deployment)
    for budget in of_kind("PodDisruptionBudget"):
        assert found(budget["spec"]["selector"]["matchLabels"]), name_of(budget)
    for policy in of_kind("NetworkPolicy"):
        assert found(policy["spec"]["podSelector"].get("matchLabels", {})), name_of(policy)


def test_the_autoscaler_scales_web_by_a_figure_that_exists() -> None:
    from monitoring import metrics

    (scaler,) = of_kind("HorizontalPodAutoscaler")
    assert scaler["spec"]["scaleTargetRef"]["name"] == "web"
    names = [
        each.get("pods", {}).get("metric", {}).get("name") for each in scaler["spec"]["metrics"]
    ]
    assert metrics.requests_in_flight.collect()[0].name in names
    (settings,) = [each["data"] for each in of_kind("ConfigMap") if name_of(each)[1] == "cds"][:1]
    assert int(settings["REPLICAS"]) == scaler["spec"]["maxReplicas"]


def test_no_manifest_holds_a_secret() -> None:
    for path in KUBERNETES.rglob("*.yaml"):
        for each in deploy_check.objects_of(path):
            if each["kind"] == "Secret":
                assert path.parent.name == "examples"
                values = {k: v for k, v in each["stringData"].items() if not k.endswith(".ini")}
                assert set(values.values()) == {""}


def test_ray_is_given_a_service() -> None:
    (ray,) = deploy_check.objects_of(KUBERNETES / "examples" / "ray-service.yaml")
    assert (ray["apiVersion"], ray["kind"]) == ("ray.io/v1", "RayService")
    assert "import_path" in ray["spec"]["serveConfigV2"]
    workers = ray["spec"]["rayClusterConfig"]["workerGroupSpecs"]
    assert all(containers_of({"spec": group}) for group in workers)


def test_images_have_a_tag_or_are_renamed_to_one() -> None:
    (overlay,) = deploy_check.objects_of(KUBERNETES / "overlays/production/kustomization.yaml")
    renamed = {each["name"] for each in overlay["images"] if each["newTag"]}
    for _, container in CONTAINERS:
        image = container["image"]
        assert image in renamed or re.search(r":v?\d[\w.-]+$", image), image
