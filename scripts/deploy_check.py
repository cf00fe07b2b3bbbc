"""What no schema sees in docker/: ``python -m scripts.deploy_check``, a part of ``make check``.

Kustomizations name files and objects that exist, variables are settings that exist, and nginx
takes the configuration that each kind of installation makes of the one template.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from scripts import stack_nginx, stack_services
from scripts.stack_parts import ROOT, StackError

DOCKER: Final = ROOT / "docker"
KUBERNETES: Final = DOCKER / "kubernetes"
_DEFAULT: Final = re.compile(r"\$\{[A-Z_]+:-([^}]*)\}")
_IMAGE_DEFAULT: Final = re.compile(r"\b(NGINX_[A-Z_]+)=(\"[^\"]*\"|\S+)")
# what nginx's image finds out when it starts, and names that only a network of containers knows
_RESOLVERS: Final = "127.0.0.1"
_NAMED_SERVER: Final = re.compile(r"server \S+ resolve ")

Manifest = dict[str, Any]


def objects_of(path: Path) -> list[Manifest]:
    """The objects of a file."""
    return [each for each in yaml.safe_load_all(path.read_text(encoding="utf-8")) if each]


def name_of(manifest: Manifest) -> tuple[str, str]:
    return manifest["kind"], manifest["metadata"]["name"]


# --- kustomize ------------------------------------------------------------------------------------


def kustomize_faults(root: Path) -> list[str]:
    """What a kustomization under ``root`` names and is not there, and files that none names."""
    faults = []
    for path in sorted(root.rglob("kustomization.yaml")):
        faults += [f"{path.relative_to(root)}: {fault}" for fault in _faults_of(path)]
    return faults


def _faults_of(path: Path) -> Iterator[str]:
    kustomization = objects_of(path)[0]
    named = [*kustomization.get("resources", []), *kustomization.get("components", [])]
    named += [patch["path"] for patch in kustomization.get("patches", [])]
    missing = [each for each in named if not (path.parent / each).exists()]
    if missing:
        yield f"names what is not there: {', '.join(missing)}"
        return
    for stray in sorted({each.name for each in path.parent.glob("*.yaml")} - {*named, path.name}):
        yield f"does not name {stray}"
    built = built_objects(path.parent)
    if kustomization["kind"] == "Component":
        # it is applied to what it is added to
        built += built_objects(KUBERNETES / "base")
    yield from _unknown_targets(path.parent, kustomization, built)


def _unknown_targets(folder: Path, kustomization: Manifest, built: list[Manifest]) -> Iterator[str]:
    there = {name_of(each) for each in built}
    for patch in kustomization.get("patches", []):
        for manifest in objects_of(folder / patch["path"]):
            if name_of(manifest) not in there:
                yield f"{patch['path']} changes {' '.join(name_of(manifest))}, which is not there"
    images = {container["image"] for each in built for container in containers_of(each)}
    for image in kustomization.get("images", []):
        if image["name"] not in images:
            yield f"renames the image {image['name']}, which nothing uses"


def built_objects(folder: Path) -> list[Manifest]:
    """The objects that a kustomization makes, without its patches."""
    kustomization = objects_of(folder / "kustomization.yaml")[0]
    built = []
    for each in [*kustomization.get("resources", []), *kustomization.get("components", [])]:
        path = folder / each
        built += built_objects(path) if path.is_dir() else objects_of(path)
    return built


def pod_of(manifest: Manifest) -> Manifest:
    """The template of the pods that an object makes; empty where it makes none."""
    found: Manifest = manifest.get("spec", {}).get("template", {})
    return found


def containers_of(manifest: Manifest) -> list[Manifest]:
    spec = pod_of(manifest).get("spec", {})
    return [*spec.get("initContainers", []), *spec.get("containers", [])]


# --- variables ------------------------------------------------------------------------------------


def variable_faults() -> list[str]:
    """Variables given to the application that it does not read."""
    os.environ["ENV_FILE"] = ""
    from healthcare.settings import env

    compose = _compose()["x-app"]["environment"]
    given = {"compose.yaml": set(compose)}
    for path in KUBERNETES.rglob("*.yaml"):
        for each in objects_of(path):
            if each["kind"] in ("ConfigMap", "Secret") and name_of(each)[1] == "cds":
                given[path.name] = {*each.get("data", {}), *each.get("stringData", {})}
    return [
        f"{place} gives {name}, which is no setting"
        for place, names in given.items()
        for name in sorted(names)
        if name.removesuffix("_FILE") not in env.known
    ]


def _compose() -> Manifest:
    return objects_of(DOCKER / "compose.yaml")[0]


# --- nginx ----------------------------------------------------------------------------------------


def nginx_variables() -> dict[str, dict[str, str]]:
    """What each kind of installation gives the template, over the defaults of its image."""
    image = {
        name: value.strip('"')
        for name, value in _IMAGE_DEFAULT.findall((DOCKER / "Dockerfile").read_text("utf-8"))
    }
    compose = _compose()["services"]["nginx"]["environment"]
    deployment = objects_of(KUBERNETES / "base" / "nginx.yaml")[0]
    pod = {each["name"]: each["value"] for each in containers_of(deployment)[0]["env"]}
    resolvers = {"NGINX_LOCAL_RESOLVERS": _RESOLVERS}
    return {
        "compose": image | resolvers | {k: _DEFAULT.sub(r"\1", v) for k, v in compose.items()},
        "kubernetes": image | resolvers | pod,
    }


def nginx_faults() -> list[str]:
    faults = []
    for kind, values in nginx_variables().items():
        missing = stack_nginx.variables() - set(values)
        if missing:
            faults.append(f"nginx for {kind} lacks {', '.join(sorted(missing))}")
        elif said := refused_by_nginx(values):
            faults.append(f"nginx refuses what {kind} makes of its template: {said}")
    return faults


def refused_by_nginx(values: dict[str, str]) -> str:
    """What nginx says against the configuration; empty where it takes it."""
    program = stack_services.found("nginx", "nginx-light")
    with tempfile.TemporaryDirectory() as folder:
        local = {"NGINX_RUN": folder, "NGINX_STATIC": folder, "NGINX_ACCESS_LOG": "off"}
        # Debian's nginx is older than 'resolve', and asks for every name when it starts
        text = _NAMED_SERVER.sub("server 127.0.0.1:8000 ", stack_nginx.rendered(values | local))
        text = text.replace("access_log off line buffer=32k flush=1s;", "access_log off;")
        path = Path(folder) / "nginx.conf"
        path.write_text(text, encoding="utf-8")
        done = subprocess.run(
            [program, "-t", "-q", "-p", folder, "-c", str(path), "-e", "stderr"],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
    return done.stderr.strip() if done.returncode else ""


def main() -> int:
    try:
        faults = kustomize_faults(KUBERNETES) + variable_faults() + nginx_faults()
    except StackError as error:
        faults = [str(error)]
    for fault in faults:
        print(f"docker: {fault}", file=sys.stderr)
    if not faults:
        print("docker/: kustomizations, variables and nginx's configuration are sound")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
