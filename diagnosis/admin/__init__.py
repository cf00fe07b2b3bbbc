"""The admin. It alone of the doors imports models: a ModelAdmin is declared over one.

Whatever it changes is written down through ``services``; publishing is a service.
"""

from diagnosis.admin import accounts, knowledge, releases, sessions

__all__ = ["accounts", "knowledge", "releases", "sessions"]
