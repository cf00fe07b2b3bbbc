"""Whoever acts; the lowest room knows no users, only what they may."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Actor:
    """A user with what they are allowed to be, or nobody in particular."""

    user_id: int | None
    label: str
    is_staff: bool = False
    is_clinician: bool = False
    is_publisher: bool = False
    """May load and publish knowledge."""

    @classmethod
    def anonymous(cls) -> "Actor":
        return cls(user_id=None, label="anonymous")

    @classmethod
    def system(cls) -> "Actor":
        """The product itself: start-up, and commands run in a shell on the machine."""
        return cls(
            user_id=None, label="system", is_staff=True, is_clinician=True, is_publisher=True
        )

    @property
    def is_known(self) -> bool:
        return self.user_id is not None
