"""Fills in docker/nginx/nginx.conf as envsubst does in nginx's image."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

TEMPLATE: Final = Path(__file__).resolve().parent.parent / "docker" / "nginx" / "nginx.conf"
_VARIABLE: Final = re.compile(r"\$\{(NGINX_[A-Z_]+)\}")


def variables() -> set[str]:
    """Every variable that the template needs."""
    return set(_VARIABLE.findall(TEMPLATE.read_text(encoding="utf-8")))


def rendered(values: Mapping[str, str]) -> str:
    """The configuration. Raises KeyError where a value is missing: envsubst would leave a hole."""
    text = TEMPLATE.read_text(encoding="utf-8")
    return _VARIABLE.sub(lambda match: values[match[1]], text)


def servers(addresses: list[str], max_conns: int) -> str:
    """``server`` lines; one that could not be reached is left alone for a second or two."""
    return " ".join(
        f"server {address} max_conns={max_conns} max_fails=1 fail_timeout=1s;"
        for address in addresses
    )
