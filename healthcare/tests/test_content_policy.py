"""Who may run what in a browser."""

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


def policy_of(path: str) -> dict[str, list[str]]:
    header = Client().get(path).headers["Content-Security-Policy"]
    directives = (directive.split() for directive in header.split(";"))
    return {name: sorted(values) for name, *values in directives}


@pytest.mark.parametrize("path", ["/sign-in/", "/about/", "/nowhere/", "/administrator/"])
def test_pages_run_only_what_the_site_serves(path: str) -> None:
    policy = policy_of(path)

    assert policy["default-src"] == policy["script-src"] == policy["style-src"] == ["'self'"]
    assert policy["frame-ancestors"] == policy["object-src"] == ["'none'"]


def test_the_admin_may_evaluate_and_no_more() -> None:
    policy = policy_of("/admin/login/")

    assert policy["script-src"] == ["'self'", "'unsafe-eval'"]
    assert policy["style-src"] == ["'self'", "'unsafe-inline'"]
    assert policy["default-src"] == ["'self'"]
