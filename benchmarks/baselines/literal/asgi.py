"""What daphne serves of baseline (a)."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.baselines.literal.settings")

from django.core.asgi import get_asgi_application

application = get_asgi_application()

from benchmarks.baselines.engine import knowledge  # noqa: E402 - apps are ready now

knowledge()
