"""The images and the composition of one machine."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from scripts.deploy_check import DOCKER, KUBERNETES, nginx_variables, objects_of
from scripts.stack_nginx import rendered, variables

COMPOSE = objects_of(DOCKER / "compose.yaml")[0]
SERVICES: dict[str, Any] = COMPOSE["services"]
DOCKERFILE = (DOCKER / "Dockerfile").read_text()
OURS = ("migrate", "web-1", "web-2", "web-3", "worker", "beat")


def test_there_is_what_there_has_to_be() -> None:
    others = {"nginx", "postgres", "redis", "prometheus", "grafana"}
    assert set(SERVICES) == {*OURS, *others}
    for name, role in (("worker", "worker"), ("beat", "beat")):
        assert SERVICES[name]["command"][:4] == ["celery", "-A", "healthcare.celery:app", role]


@pytest.mark.parametrize("name", OURS)
def test_our_containers_are_closed(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["networks"] == ["inside"]
    assert COMPOSE["networks"]["inside"]["internal"] is True


def test_a_site_chooses_workers_and_connections() -> None:
    environment = SERVICES["web-1"]["environment"]
    assert environment["WORKERS"] == "${WORKERS:-1}"
    assert environment["MAX_CONNECTIONS"] == "${MAX_CONNECTIONS:-512}"
    backends = SERVICES["nginx"]["environment"]["NGINX_BACKENDS"]
    assert backends.count("max_conns=${MAX_CONNECTIONS:-512}") == int(environment["REPLICAS"]) == 3


def test_only_nginx_and_grafana_are_reached_from_outside() -> None:
    assert {name for name, each in SERVICES.items() if "ports" in each} == {"nginx", "grafana"}
    assert all("127.0.0.1" in port for each in SERVICES.values() for port in each.get("ports", ()))


def test_secrets_are_files_and_none_is_here() -> None:
    assert all(each["file"].startswith("./secrets/") for each in COMPOSE["secrets"].values())
    text = (DOCKER / "compose.yaml").read_text()
    assert not re.search(r"(PASSWORD|SECRET_KEY|TOKEN)\w*: (?!/run/secrets/)\S", text)
    assert "secrets/" in (DOCKER / ".gitignore").read_text()


def test_secrets_are_made_once(tmp_path: Path) -> None:
    script = tmp_path / "make-secrets"
    script.write_text((DOCKER / "make-secrets").read_text())

    def made() -> dict[str, str]:
        subprocess.run(["bash", script], check=True, capture_output=True, timeout=30)
        return {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}

    first = made()
    assert {f"./secrets/{name}" for name in first} == {
        each["file"] for each in COMPOSE["secrets"].values()
    }
    assert len(first["secret_key"]) >= 50
    assert first["postgres_password"] in first["database_url"]
    assert made() == first
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700


def test_the_images_are_not_root_and_say_how_they_are() -> None:
    stages = re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)[1:]
    app = stages[-1]
    assert re.search(r"^USER 10001:10001$", app, re.MULTILINE)
    assert "HEALTHCHECK" in app
    assert "/health/live" in app
    assert "HEALTHCHECK" in stages[1]
    assert "/sbom.cdx.json" in app
    assert "cyclonedx-py" in stages[0]
    assert all(
        re.search(r":[\w.-]*\d", base)
        for base in re.findall(r"^ARG \w+=(\S+)$", DOCKERFILE, re.MULTILINE)
    )


def test_a_backend_drains_for_longer_than_nginx_leaves_the_one_before_it_alone() -> None:
    """Else, of two backends that restart in turn, for a moment neither is asked."""
    (deployment,) = objects_of(KUBERNETES / "base/configuration.yaml")
    drains = {
        "compose": COMPOSE["x-app"]["environment"]["DRAIN_S"],
        "kubernetes": deployment["data"]["DRAIN_S"],
    }
    for kind, values in nginx_variables().items():
        (left_alone_s,) = set(re.findall(r"fail_timeout=(\d+)s", values["NGINX_BACKENDS"]))
        # nginx counts whole seconds
        assert float(drains[kind]) > int(left_alone_s) + 1


def test_every_installation_fills_in_the_whole_template() -> None:
    for values in nginx_variables().values():
        assert variables() <= set(values)
        assert "${NGINX_" not in rendered(values)
    with pytest.raises(KeyError):
        rendered({})
