"""WSGI entry for pages, admin and synchronous REST; live sessions need ``healthcare.asgi``."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "healthcare.settings")

application = get_wsgi_application()
