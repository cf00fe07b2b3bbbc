"""The OpenAPI schema, and the interface against it: whatever the schema allows is answered as it says."""

from typing import Any

import pytest
import schemathesis
import yaml
from django.contrib.auth.models import User
from django.core.wsgi import get_wsgi_application
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, settings
from jsonschema import Draft202012Validator
from knox.models import AuthToken
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("tiny_knowledge"),
    # the tool's own dependencies warn about each other
    pytest.mark.filterwarnings("ignore:::schemathesis"),
    pytest.mark.filterwarnings("ignore:::jsonschema"),
]

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


def document(client: Client) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(client.get("/api/v1/schema/").content)
    return loaded


def test_the_schema_is_openapi_3_1_and_every_path_has_its_version(client: Client) -> None:
    schema = document(client)
    assert schema["openapi"].startswith("3.1")
    assert all(path.startswith("/api/v1/") for path in schema["paths"])
    assert {
        "/api/v1/symptoms/analyze",
        "/api/v1/sessions/",
        "/api/v1/sessions/{session_id}/replay/",
    } <= set(schema["paths"])


def test_every_reference_resolves(client: Client) -> None:
    schema = document(client)
    known = {f"#/components/schemas/{name}" for name in schema["components"]["schemas"]}

    def references(value: Any) -> set[str]:
        if isinstance(value, dict):
            own = {value["$ref"]} if "$ref" in value else set()
            return own.union(*map(references, value.values()), set())
        if isinstance(value, list):
            return set().union(*map(references, value), set())
        return set()

    assert references(schema["paths"]) | references(schema["components"]) <= known


def test_a_real_answer_fits_the_schema(client: Client) -> None:
    schema = document(client)
    answer = client.post(
        "/api/v1/symptoms/analyze", {"note": "Fever, no cough."}, "application/json"
    )
    validator = Draft202012Validator({**schema, "$ref": "#/components/schemas/Envelope"})
    assert list(validator.iter_errors(answer.json())) == []
    broken = answer.json() | {"consultation": {}}
    assert list(validator.iter_errors(broken))


def test_the_page_of_the_interface_needs_nothing_from_elsewhere(client: Client) -> None:
    html = client.get("/api/v1/docs/").content.decode()
    assert "swagger-ui-bundle.js" in html
    assert "http:" not in html
    assert "https:" not in html
    script = client.get("/api/v1/docs/?script=").content.decode()
    assert "/api/v1/schema/" in script


@pytest.fixture
def token(clinician: User) -> str:
    return f"Token {AuthToken.objects.create(clinician)[1]}"


interface = schemathesis.openapi.from_dict(SchemaGenerator().get_schema(request=None, public=True))
interface.app = get_wsgi_application()


@interface.parametrize()
@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_what_the_schema_allows_is_answered_as_it_says(case: Any, token: str) -> None:
    # tokens are bought with a password, everything else is asked with a token
    headers = {} if case.path.startswith("/api/v1/tokens/") else {"Authorization": token}
    case.call_and_validate(headers=headers, checks=CHECKS)
