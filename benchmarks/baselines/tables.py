"""Makes the table of a baseline: ``python -m benchmarks.baselines.tables NAME``."""

import asyncio
import sys


def main(name: str) -> int:
    if name == "fast":
        from benchmarks.baselines.fast import make_tables

        asyncio.run(make_tables())
        return 0
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", run_syncdb=True, verbosity=0)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
