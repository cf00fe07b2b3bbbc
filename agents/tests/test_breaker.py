from agents.breaker import Breaker


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_closed_open_half_open_closed() -> None:
    clock = Clock()
    breaker = Breaker(3, 10, clock)
    for _ in range(2):
        breaker.failed()
    assert breaker.state == "closed"
    breaker.succeeded()
    for _ in range(3):
        breaker.failed()
    assert breaker.state == "open"
    assert not breaker.allows()
    clock.now = 10
    assert breaker.state == "half_open"
    assert breaker.allows()
    assert not breaker.allows()
    breaker.succeeded()
    assert breaker.state == "closed"
    assert breaker.allows()


def test_a_failed_probe_opens_again_for_the_whole_time() -> None:
    clock = Clock()
    breaker = Breaker(1, 10, clock)
    breaker.failed()
    clock.now = 10
    assert breaker.allows()
    breaker.failed()
    clock.now = 19
    assert not breaker.allows()
    clock.now = 20
    assert breaker.allows()


def test_an_abandoned_probe_gives_its_place_back() -> None:
    clock = Clock()
    breaker = Breaker(1, 10, clock)
    breaker.failed()
    clock.now = 10
    assert breaker.allows()
    breaker.abandoned()
    assert breaker.allows()
