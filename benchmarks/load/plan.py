"""What is measured, in which order, and for how long."""

from msgspec import Struct


class Plan(Struct, frozen=True):
    """Everything has an end: seconds for each measurement, and how many of each there are."""

    connections: tuple[int, ...] = (64, 256, 1000)
    seconds: float = 10
    note_connections: int = 64
    rates: tuple[int, ...] = (500, 1000)
    rate_seconds: float = 15
    users: int = 1000
    user_seconds: float = 40
    sockets: tuple[int, ...] = (500, 2000, 4000)
    socket_seconds: float = 12
    three_backends: bool = True
    warm_seconds: float = 3


QUICK = Plan(
    connections=(64,),
    seconds=3,
    rates=(200,),
    rate_seconds=3,
    users=100,
    user_seconds=4,
    sockets=(200,),
    socket_seconds=3,
    three_backends=False,
    warm_seconds=1,
)
