"""All settings, from environment variables (see docs/configuration.md).

Without any, this is the embedded default: SQLite, in-process channel layer and cache, no
service needed, for one machine. ``ENVIRONMENT=production`` closes what is open here and refuses
to start half-configured, naming everything that is missing at once.
"""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF
from dotenv import dotenv_values

from healthcare import addresses, logs
from healthcare.embedded import kept_secret
from healthcare.environment import Environment

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"

# an empty ENV_FILE reads none
_env_file = os.environ.get("ENV_FILE", str(BASE_DIR / ".env"))
env = Environment(
    {**{k: v or "" for k, v in dotenv_values(_env_file or os.devnull).items()}, **os.environ}
)

# --- which kind of installation ---------------------------------------------------------------

ENVIRONMENT = env.choice(
    "ENVIRONMENT",
    "embedded",
    "`production` closes what is open by default and refuses to start half-configured.",
    ("embedded", "production"),
)
PRODUCTION = env.production = ENVIRONMENT == "production"
DEBUG = env.flag("DEBUG", False, "Django's debug pages. Refused in production.")
if PRODUCTION and DEBUG:
    env.refuse("DEBUG must be off in production.")

SECRET_KEY = env.text(
    "SECRET_KEY",
    "" if PRODUCTION else kept_secret(VAR_DIR / "secret_key"),
    "Signs sessions; 50 random characters.",
    required_in_production=True,
    shown="made once, in `var/secret_key`",
)
if PRODUCTION and SECRET_KEY and (len(SECRET_KEY) < 50 or len(set(SECRET_KEY)) < 5):
    env.refuse("SECRET_KEY must be at least 50 random characters in production.")
SECRET_KEY_FALLBACKS = env.listing(
    "SECRET_KEY_FALLBACKS", [], "Earlier keys that are still accepted, after a change."
)

ALLOWED_HOSTS = env.listing(
    "ALLOWED_HOSTS",
    [] if PRODUCTION else ["localhost", "127.0.0.1", "[::1]"],
    "Names under which the server is reached.",
    required_in_production=True,
)
if PRODUCTION and "*" in ALLOWED_HOSTS:
    env.refuse("ALLOWED_HOSTS must name the hosts in production, not '*'.")
CSRF_TRUSTED_ORIGINS = env.listing(
    "CSRF_TRUSTED_ORIGINS", [], "Further origins that may post forms.", each=addresses.origin
)
OPEN_ANALYZE = env.flag(
    "OPEN_ANALYZE",
    not PRODUCTION,
    "Whether a case can be analysed without signing in.",
    shown="1; 0 in production",
)

# --- applications -----------------------------------------------------------------------------

INSTALLED_APPS = [
    # before staticfiles, so that runserver is its ASGI server
    "daphne",
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "channels",
    "rest_framework",
    "knox",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "csp",
    "monitoring",
    "diagnosis",
    "healthcare",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "healthcare.static_files.StaticFiles",
    "healthcare.caching.NotStoredByDefault",
    "healthcare.content_policy.ContentPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "healthcare.urls"
ASGI_APPLICATION = "healthcare.asgi.application"
WSGI_APPLICATION = "healthcare.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
            ]
        },
    }
]

# --- database, cache, channels ----------------------------------------------------------------

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES: dict[str, dict[str, Any]] = {
    "default": env.parsed(
        "DATABASE_URL",
        addresses.sqlite(VAR_DIR / "db.sqlite3"),
        "`postgres://user:password@host:5432/name`, or `sqlite:///path`.",
        addresses.database,
        required_in_production=True,
        shown="SQLite in `var/db.sqlite3`",
    )
}
WORKERS = env.integer("WORKERS", 1, "Worker processes of one replica.", at_least=1, at_most=256)
_replicas = env.integer(
    "REPLICAS", 1, "Replicas that share the database.", at_least=1, at_most=1000
)
_pool_min = env.integer(
    "DATABASE_POOL_MIN",
    20,
    "PostgreSQL connections kept open by all workers of all replicas together.",
    at_least=0,
    at_most=10_000,
)
_pool_max = env.integer(
    "DATABASE_POOL_MAX",
    50,
    "Most PostgreSQL connections of all workers of all replicas together; each worker has at "
    "least 2. 0 opens one a request.",
    at_least=0,
    at_most=10_000,
)
_pool_timeout_s = env.seconds(
    "DATABASE_POOL_TIMEOUT_S",
    30,
    "How long commands and background workers wait for a PostgreSQL connection.",
)
DATABASE_REQUEST_WAIT_S = env.seconds(
    "DATABASE_REQUEST_WAIT_S",
    1,
    "How long a request waits for a PostgreSQL connection before it is answered 503.",
    at_most=60,
)
_pool_life_s = env.seconds(
    "DATABASE_POOL_LIFE_S", 3600, "How long a PostgreSQL connection is used.", above=1
)
_pgbouncer = env.flag(
    "PGBOUNCER", False, "DATABASE_URL names a PgBouncer that pools by transaction."
)
_postgres = DATABASES["default"]["ENGINE"].endswith("postgresql")
if PRODUCTION and not _postgres and not env.faults:
    env.refuse("DATABASE_URL must name a PostgreSQL database in production.")
if _postgres and _pool_max:
    DATABASES["default"]["OPTIONS"]["pool"] = addresses.pool_share(
        _pool_min, _pool_max, WORKERS * _replicas
    ) | {
        "timeout": _pool_timeout_s,
        "max_lifetime": _pool_life_s,
        # its pauses double until it gives up; then whoever needs a connection has it try at once
        "reconnect_timeout": 3,
    }
if _postgres and _pgbouncer:
    # the next statement may go over another connection, which knows no cursor of this one
    DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = True
DATABASE_THREADS = env.integer(
    "DATABASE_THREADS", 4, "Threads a worker for database reads.", at_least=1, at_most=64
)
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    Path(DATABASES["default"]["NAME"]).parent.mkdir(parents=True, exist_ok=True)

REDIS_URL = env.parsed(
    "REDIS_URL",
    "",
    "`redis://host:6379/0`: shared cache and channel layer of many workers.",
    addresses.redis,
    required_in_production=True,
)
REDIS_PREFIX = env.text(
    "REDIS_PREFIX", "cds", "Begins every name in Redis; tells installations apart that share one."
)
CACHES: dict[str, dict[str, Any]]
CHANNEL_LAYERS: dict[str, dict[str, Any]]
if REDIS_URL:
    CACHES = {
        "default": {
            "BACKEND": "django_redis.cache.RedisCache",
            "LOCATION": REDIS_URL,
            "KEY_PREFIX": REDIS_PREFIX,
            "OPTIONS": {"SOCKET_CONNECT_TIMEOUT": 1, "SOCKET_TIMEOUT": 1},
        }
    }
    CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [REDIS_URL], "prefix": REDIS_PREFIX},
        }
    }
else:
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
            "OPTIONS": {"MAX_ENTRIES": 10_000},
        }
    }
    CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
# a cache that is down costs time, not answers
DJANGO_REDIS_IGNORE_EXCEPTIONS = True
DJANGO_REDIS_LOG_IGNORED_EXCEPTIONS = True
GUIDELINE_CACHE_S = env.integer(
    "GUIDELINE_CACHE_S", 300, "How long guideline pages are cached.", at_least=0, at_most=86_400
)

# --- the agents -------------------------------------------------------------------------------

# seconds from the start of a consultation; each agent waits for the one before it
CLASSIFIER_DEADLINE_S = env.seconds(
    "CLASSIFIER_DEADLINE_S", 3, "Deadline of the symptom classifier.", at_most=60
)
MATCHER_DEADLINE_S = env.seconds(
    "MATCHER_DEADLINE_S", 4, "Deadline of the condition matcher.", at_most=60
)
RETRIEVER_DEADLINE_S = env.seconds(
    "RETRIEVER_DEADLINE_S", 5, "Deadline of the treatment retriever.", at_most=60
)
DETECTOR_DEADLINE_S = env.seconds(
    "DETECTOR_DEADLINE_S", 5, "Deadline of the emergency detector.", at_most=60
)
BREAKER_THRESHOLD = env.integer(
    "BREAKER_THRESHOLD",
    5,
    "Failures in a row that open an agent's breaker.",
    at_least=1,
    at_most=1000,
)
BREAKER_TIMEOUT_S = env.seconds(
    "BREAKER_TIMEOUT_S", 60, "How long a breaker stays open before one probe is let through."
)
SESSION_LIMIT_S = env.seconds(
    "SESSION_LIMIT_S", 120, "A session that runs longer than this is taken to be dead.", above=1
)
JOURNAL_LIMIT = env.integer(
    "JOURNAL_LIMIT",
    2000,
    "Writes that may wait in a worker before it answers 503.",
    at_least=1,
    at_most=1_000_000,
)
IDEMPOTENCY_KEEP_S = env.seconds(
    "IDEMPOTENCY_KEEP_S",
    86_400,
    "How long a repeated request gets its first answer.",
    at_most=2_592_000,
)

# --- background work ------------------------------------------------------------------------

_background = env.choice(
    "BACKGROUND",
    "celery" if REDIS_URL else "local",
    "Who does what takes long, such as batches: `celery` workers on Redis, or each server itself, "
    "`local`, between requests.",
    ("local", "celery"),
    shown="`celery` where there is a REDIS_URL, else `local`",
)
if _background == "celery" and not REDIS_URL and not env.faults:
    env.refuse("BACKGROUND=celery needs a REDIS_URL.")
# by name: the room below may not import the Celery app
BACKGROUND_SENDER = "healthcare.celery.send" if _background == "celery" else ""
BATCH_MAX_CASES = env.integer(
    "BATCH_MAX_CASES", 10_000, "Most cases of one batch.", at_least=1, at_most=1_000_000
)
BATCH_CLAIM_S = env.seconds(
    "BATCH_CLAIM_S",
    120,
    "After so long the few cases that a worker took are given to another.",
    above=10,
)
BATCH_KEEP_DAYS = env.integer(
    "BATCH_KEEP_DAYS",
    30,
    "Batches are deleted so many days after they ended; their sessions stay.",
    at_least=1,
    at_most=36_500,
)
TASK_LIMIT_S = 300
CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "global_keyprefix": f"{REDIS_PREFIX}:",
    # a request that hands in a batch does not wait for a Redis that hangs
    "socket_connect_timeout": 1,
    "socket_timeout": 3,
    # what a lost worker had is delivered again after this, and never while it still runs
    "visibility_timeout": 2 * TASK_LIMIT_S,
}
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = CELERY_RESULT_SERIALIZER = CELERY_EVENT_SERIALIZER = "json"
CELERY_TASK_DEFAULT_QUEUE = "background"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TIME_LIMIT = TASK_LIMIT_S
CELERY_TASK_SOFT_TIME_LIMIT = TASK_LIMIT_S - 30
# Django's settings say how to log
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
SESSION_KEEP_MONTHS = env.integer(
    "SESSION_KEEP_MONTHS",
    0,
    "Whole months that sessions are kept; a worker, or `manage.py partitions --drop`, removes "
    "older ones for good. 0 keeps them for ever.",
    at_least=0,
    at_most=1200,
)
SESSION_MONTHS_AHEAD = env.integer(
    "SESSION_MONTHS_AHEAD",
    3,
    "Months of sessions that have their partition in advance, on PostgreSQL.",
    at_least=1,
    at_most=24,
)

# --- the admin ------------------------------------------------------------------------------

UNFOLD = {
    "SITE_TITLE": "Clinical decision support",
    "SITE_HEADER": "Clinical decision support",
    "SITE_SYMBOL": "stethoscope",
}

# --- REST -------------------------------------------------------------------------------------

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "diagnosis.api.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.AllowAny"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    # OPTIONS would describe serializers that there are none of; the OpenAPI schema describes more
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "diagnosis.api.errors.problem_response",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
_max_connections = env.integer(
    "MAX_CONNECTIONS",
    512,
    "Requests to analyse that a replica takes at once, its workers together, before it "
    "answers 503.",
    at_least=1,
    at_most=100_000,
)
HOT_PATH_CONCURRENCY = max(1, _max_connections // WORKERS)
TOKEN_CACHE_S = env.seconds(
    "TOKEN_CACHE_S", 10, "How long a revoked API token may go on being accepted.", at_most=300
)
REST_KNOX = {
    "TOKEN_LIMIT_PER_USER": 20,
    "AUTO_REFRESH": False,
    "TOKEN_TTL": timedelta(hours=12),
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Clinical decision support",
    "DESCRIPTION": "Decision support for clinicians: a case goes in, an explained and stored "
    "differential comes out. Every path also answers without `v1`. Errors are RFC 9457 problem "
    "documents.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "PREPROCESSING_HOOKS": ["diagnosis.api.schema.only_versioned"],
    "POSTPROCESSING_HOOKS": ["diagnosis.api.schema.add_components"],
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "/static/favicon.svg",
    "REDOC_DIST": "SIDECAR",
}

# --- serving and stopping ---------------------------------------------------------------------

TRUSTED_PROXIES = env.listing(
    "TRUSTED_PROXIES",
    ["127.0.0.1"],
    "Addresses or networks whose X-Forwarded-For and X-Forwarded-Proto are believed.",
)
DRAIN_S = env.seconds(
    "DRAIN_S",
    0,
    "After SIGTERM `/health/ready` answers 503 for so long before the listener closes; 0 stops "
    "at once.",
    at_most=600,
)
GRACE_S = env.seconds(
    "GRACE_S",
    30,
    "How long requests in flight may take to end once the listener is closed.",
    above=1,
    at_most=600,
)

# --- security ---------------------------------------------------------------------------------

PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"

HTTPS = env.flag(
    "HTTPS",
    PRODUCTION,
    "Served over HTTPS (by a proxy that sets X-Forwarded-Proto): secure cookies, redirect, HSTS.",
    shown="0; 1 in production",
)
if PRODUCTION and not HTTPS:
    env.refuse("HTTPS must be on in production: patient text must not travel in the clear.")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
# probes of an orchestrator come over plain HTTP from inside
SECURE_REDIRECT_EXEMPT = [r"^health(/|$)", r"^metrics$"]
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
STATIC_HOST = env.parsed(
    "STATIC_HOST",
    "",
    "Origin of a CDN in front of `/static/`, such as `https://static.example.org`.",
    addresses.origin,
)
if PRODUCTION and STATIC_HOST.startswith("http:"):
    env.refuse("STATIC_HOST must be https:// in production.")
_files = [SELF, STATIC_HOST] if STATIC_HOST else [SELF]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": _files,
        "style-src": _files,
        "font-src": _files,
        "img-src": [*_files, "data:"],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
METRICS_TOKEN = env.text(
    "METRICS_TOKEN",
    "",
    "Bearer token for `/metrics`; in production the page is closed without one.",
)

# --- language, files, logs --------------------------------------------------------------------

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True

STATIC_URL = f"{STATIC_HOST}/static/"
STATIC_ROOT = Path(
    env.text(
        "STATIC_ROOT",
        str(BASE_DIR / "staticfiles"),
        "Where `collectstatic` puts the files that are served in production.",
        shown="`staticfiles`",
    )
)
STATICFILES_DIRS = [BASE_DIR / "static"]
KNOWLEDGE_FORMS = Path(
    env.text(
        "KNOWLEDGE_FORMS",
        str(VAR_DIR / "knowledge"),
        "Where compiled knowledge is kept between starts; safe to empty.",
        shown="`var/knowledge`",
    )
)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
# the embedded default serves files from where they lie, so that nothing has to be collected
WHITENOISE_USE_FINDERS = not PRODUCTION
WHITENOISE_AUTOREFRESH = DEBUG

LOGGING_CONFIG = "logging.config.dictConfig"
LOGGING = logs.configured(
    env.choice(
        "LOG_LEVEL",
        "INFO",
        "Least severe level that is logged.",
        ("DEBUG", "INFO", "WARNING", "ERROR"),
    ),
    env.choice("LOG_FORMAT", "json", "`json` or `text`; never patient text.", ("json", "text")),
)

# --- monitoring: what it asks of the other rooms, wired here because it may not import them ---

MONITORING_CHECKS = {"ai_models": "healthcare.wiring.agents_check"}
MONITORING_TIMEOUT_S = env.seconds(
    "HEALTH_TIMEOUT_S", 2, "How long a single health check may take.", at_most=60
)
MEMORY_LIMIT_PERCENT = env.integer(
    "HEALTH_MEMORY_PERCENT",
    90,
    "Memory use from which /health says degraded.",
    at_least=1,
    at_most=100,
)
CPU_LIMIT_PERCENT = env.integer(
    "HEALTH_CPU_PERCENT",
    95,
    "Processor use from which /health says degraded.",
    at_least=1,
    at_most=100,
)
RESPONSE_LIMIT_MS = env.integer(
    "HEALTH_RESPONSE_MS",
    1000,
    "Median consultation time in ms from which /health says degraded.",
    at_least=1,
    at_most=60_000,
)

env.settle()
