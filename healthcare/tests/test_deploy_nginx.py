"""nginx itself, with the configuration that is shipped, in front of backends that misbehave."""

import json
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from healthcare.serve import IDLE_S
from healthcare.tests.deployment import Told, need, tell
from scripts import stack_nginx, stack_services
from scripts.stack_parts import free_port

PROBLEM = "application/problem+json"
PLACES, CLIENTS, LIVE = 2, 6, 2
HASHED = "app.0123456789ab.css"


class Backend(ThreadingHTTPServer):
    """Answers with what it was asked; holds ``/slow`` until it is let go, loses ``/lost``."""

    daemon_threads = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Asked)
        self.seen: list[str] = []
        self.let_go = threading.Event()
        self._turning = threading.Thread(target=self.serve_forever, args=(0.02,))
        self._turning.start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def close(self) -> None:
        self.let_go.set()
        self.shutdown()
        self._turning.join()
        self.server_close()


class Asked(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Backend

    def do_GET(self) -> None:
        self.server.seen.append(f"{self.command} {self.path}")
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.startswith("/lost"):
            self.close_connection = True
            return
        if self.path.startswith(("/slow", "/ws/")):
            self.server.let_go.wait(20)
        status = 503 if self.path.startswith("/busy") else 200
        body = json.dumps({**self.headers, "at": self.server.port}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815

    def log_message(self, *arguments: Any) -> None:
        pass


class Front:
    """nginx and the backends behind it."""

    def __init__(self, home: Path, places: int) -> None:
        self.home = home
        self.port = free_port()
        self.backends = [Backend(), Backend()]
        (home / "static").mkdir()
        (home / "logs").mkdir()
        for name in (HASHED, "plain.css"):
            (home / "static" / name).write_text("p {}")
        addresses = [f"127.0.0.1:{backend.port}" for backend in self.backends]
        configuration = stack_nginx.rendered(
            {
                "NGINX_RUN": str(home / "nginx"),
                "NGINX_ACCESS_LOG": str(home / "nginx" / "access.log"),
                "NGINX_WORKERS": "1",
                "NGINX_PORT": f"127.0.0.1:{self.port}",
                "NGINX_LOCAL_RESOLVERS": "127.0.0.1",
                "NGINX_TRUSTED_PROXIES": "set_real_ip_from 127.0.0.1;",
                "NGINX_SCHEME": "as-told",
                "NGINX_STATIC": str(home / "static"),
                "NGINX_MAX_CLIENTS": str(CLIENTS),
                "NGINX_MAX_LIVE": str(LIVE),
                "NGINX_BACKENDS": stack_nginx.servers(addresses, places),
                "NGINX_LIVE_BACKENDS": stack_nginx.servers(addresses, 100),
            }
        )
        self.part = stack_services.nginx(home, self.port, configuration)

    @property
    def seen(self) -> list[str]:
        return [each for backend in self.backends for each in backend.seen]

    def log(self) -> str:
        return "".join(path.read_text() for path in (self.home / "logs").iterdir())


@pytest.fixture
def front(request: pytest.FixtureRequest) -> Iterator[Front]:
    need("nginx")
    # pytest's folders are closed to the account of the web server
    home = Path(tempfile.mkdtemp(prefix="cds-nginx-"))
    home.chmod(0o755)
    front = Front(home, getattr(request, "param", PLACES))
    front.part.start()
    yield front
    front.part.kill()
    for backend in front.backends:
        backend.close()
    shutil.rmtree(home)


def at_once(front: Front, path: str, count: int) -> list[Told]:
    """So many requests together; those that are held are let go when the others have answers."""
    with ThreadPoolExecutor(count) as pool:
        asked = [pool.submit(tell, front.port, "POST", path, b"{}") for _ in range(count)]
        until = time.monotonic() + 10
        while time.monotonic() < until and sum(each.done() for each in asked) < 1:
            time.sleep(0.02)
        time.sleep(0.3)
        for backend in front.backends:
            backend.let_go.set()
        return [each.result() for each in asked]


@pytest.mark.parametrize(
    ("front", "taken"),
    [
        pytest.param(PLACES, 2 * PLACES, id="the places of the backends: max_conns"),
        pytest.param(100, CLIENTS, id="the places of nginx: limit_conn"),
    ],
    indirect=["front"],
)
def test_beyond_its_places_it_answers_503_at_once(front: Front, taken: int) -> None:
    """A limit whose key is empty limits nothing, so this counts."""
    answers = at_once(front, "/slow", CLIENTS + 5)
    refused = [each for each in answers if each.status == 503]
    assert len(refused) == CLIENTS + 5 - taken
    assert [each.status for each in answers if each.status != 503] == [200] * taken
    for each in refused:
        assert each.headers["content-type"] == PROBLEM
        assert each.headers["retry-after"] == "1"
        assert json.loads(each.body)["type"] == "/problems/overloaded/"
    assert len(front.seen) == taken
    assert tell(front.port, "POST", "/after", b"{}").status == 200


def test_live_connections_have_a_limit_of_their_own(front: Front) -> None:
    answers = at_once(front, "/ws/sessions/1/", LIVE + 3)
    assert sorted(each.status for each in answers) == [200] * LIVE + [503] * 3


def test_health_is_answered_when_every_place_is_taken(front: Front) -> None:
    with ThreadPoolExecutor(8) as pool:
        held = [pool.submit(tell, front.port, "POST", "/slow", b"{}") for _ in range(3)]
        while len(front.seen) < 3:
            time.sleep(0.01)
        assert tell(front.port, "GET", "/health/live").status == 200
        for backend in front.backends:
            backend.let_go.set()
        assert [each.result().status for each in held] == [200] * 3


def test_a_post_that_was_sent_is_never_sent_again(front: Front) -> None:
    answer = tell(front.port, "POST", "/lost", b"{}")
    assert (answer.status, answer.headers["content-type"]) == (502, PROBLEM)
    assert answer.headers["retry-after"] == "1"
    assert "Idempotency-Key" in json.loads(answer.body)["detail"]
    assert front.seen == ["POST /lost"]


def test_a_get_is_asked_again_elsewhere(front: Front) -> None:
    tell(front.port, "GET", "/lost")
    assert front.seen == ["GET /lost"] * 2


def test_a_post_that_could_not_be_sent_goes_elsewhere(front: Front) -> None:
    front.backends[0].close()
    answers = [tell(front.port, "POST", "/x", b"{}") for _ in range(6)]
    assert [each.status for each in answers] == [200] * 6
    assert len(front.backends[1].seen) == 6


def test_without_any_backend_it_is_503_and_not_502(front: Front) -> None:
    """Nothing was sent, so the request was refused: the client need not wonder."""
    for backend in front.backends:
        backend.close()
    for _ in range(3):
        answer = tell(front.port, "POST", "/x", b"{}")
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")


def test_what_a_backend_refuses_is_passed_on_as_it_is(front: Front) -> None:
    answer = tell(front.port, "POST", "/busy", b"{}")
    assert answer.status == 503
    assert "at" in json.loads(answer.body)
    assert len(front.seen) == 1


def test_the_client_is_named_and_cannot_name_itself(front: Front) -> None:
    forged = tell(front.port, "GET", "/x", X_Forwarded_For="203.0.113.7, 198.51.100.4")
    told = json.loads(forged.body)
    assert told["X-Forwarded-For"] == "198.51.100.4"
    assert told["X-Forwarded-Proto"] == "http"
    secure = json.loads(tell(front.port, "GET", "/x", X_Forwarded_Proto="https").body)
    assert (secure["X-Forwarded-Proto"], secure["X-Forwarded-For"]) == ("https", "127.0.0.1")
    odd = json.loads(tell(front.port, "GET", "/x", X_Forwarded_Proto="https,evil").body)
    assert odd["X-Forwarded-Proto"] == "http"


def test_metrics_are_closed(front: Front) -> None:
    for path in ("/metrics", "/metrics/", "/metrics?x=1", "//metrics"):
        assert tell(front.port, "GET", path).status == 404
    assert front.seen == []


def test_static_files_are_kept_for_ever_where_their_name_says_what_they_hold(front: Front) -> None:
    hashed = tell(front.port, "GET", f"/static/{HASHED}")
    assert (hashed.status, hashed.body) == (200, b"p {}")
    assert hashed.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert hashed.headers["content-type"] == "text/css"
    assert hashed.headers["x-content-type-options"] == "nosniff"
    plain = tell(front.port, "GET", "/static/plain.css")
    assert plain.headers["cache-control"] == "public, max-age=60"
    assert "cache-control" not in tell(front.port, "GET", "/static/none.css").headers
    for path in ("/static/../nginx.conf", "/static../nginx.conf", "/static/%2e%2e/nginx.conf"):
        assert b"worker_processes" not in tell(front.port, "GET", path).body
    assert tell(front.port, "POST", f"/static/{HASHED}").status == 403


def test_a_body_beyond_the_limit_is_413(front: Front) -> None:
    answer = tell(front.port, "POST", "/x", b"x" * (256 * 1024 + 1))
    assert (answer.status, answer.headers["content-type"]) == (413, PROBLEM)
    assert json.loads(answer.body)["type"] == "/problems/body-too-large/"
    assert front.seen == []
    assert tell(front.port, "POST", "/x", b"x" * (256 * 1024)).status == 200
    for path in ("/admin/import/", "/api/batches/", "/api/v1/batches/"):
        assert tell(front.port, "POST", path, b"x" * (1024 * 1024)).status == 200


def test_a_websocket_is_upgraded(front: Front) -> None:
    for backend in front.backends:
        backend.let_go.set()
    told = json.loads(
        tell(front.port, "GET", "/ws/sessions/1/", Upgrade="websocket", Connection="Upgrade").body
    )
    assert (told["Upgrade"], told["Connection"]) == ("websocket", "upgrade")
    assert (told["Host"], told["X-Forwarded-For"]) == (f"127.0.0.1:{front.port}", "127.0.0.1")
    assert "Upgrade" not in json.loads(tell(front.port, "GET", "/x", Upgrade="websocket").body)


def test_a_slow_client_holds_no_backend(front: Front) -> None:
    slow = [socket.create_connection(("127.0.0.1", front.port)) for _ in range(4)]
    for each in slow:
        each.sendall(b"POST /drip HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    time.sleep(0.2)
    assert tell(front.port, "POST", "/x", b"{}").status == 200
    assert front.seen == ["POST /x"]
    for each in slow:
        each.close()


def test_no_log_holds_what_was_searched_for(front: Front) -> None:
    tell(front.port, "GET", "/api/findings/?search=melaena")
    tell(front.port, "POST", "/lost?search=melaena", b"{}")
    time.sleep(1.2)
    access = (front.home / "nginx" / "access.log").read_text()
    lines = [json.loads(line) for line in access.splitlines()]
    assert [line["path"] for line in lines] == ["/api/findings/", "/lost"]
    assert "melaena" not in access + front.log()


def test_nginx_lets_go_of_idle_connections_before_a_backend_does() -> None:
    upstream = stack_nginx.TEMPLATE.read_text().partition("upstream backends {")[2]
    kept = upstream.partition("keepalive_timeout ")[2].partition("s;")[0]
    assert float(kept) < IDLE_S
