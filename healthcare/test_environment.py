"""A pytest plugin loaded first (``-p``): the suite sees only the variables that it is meant to."""

import os

# nobody's .env decides whether a test passes
os.environ["ENV_FILE"] = ""
# nothing is left to a worker that no test has started
os.environ["BACKGROUND"] = "local"
os.environ.setdefault("LOG_LEVEL", "WARNING")
os.environ.setdefault("DATABASE_POOL_MAX", "0")
# processes that test at the same time do not hear one another
os.environ["REDIS_PREFIX"] = f"test_{os.getpid()}"
