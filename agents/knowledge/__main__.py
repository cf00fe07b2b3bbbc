"""``python -m agents.knowledge``: checks the shipped files and counts what they hold."""

import sys

from agents.errors import InvalidKnowledge
from agents.knowledge.loader import content_hash, read_shipped


def main() -> int:
    try:
        text = read_shipped()
    except InvalidKnowledge as error:
        print("\n".join(error.faults), file=sys.stderr)
        print(f"{len(error.faults)} faults", file=sys.stderr)
        return 1
    recommendations = sum(len(g.recommendations) for g in text.guidelines.values())
    print(
        f"{len(text.conditions)} conditions, {len(text.findings)} findings, "
        f"{len(text.red_flags)} red flags, {len(text.guidelines)} guidelines "
        f"({recommendations} recommendations), {len(text.sources)} sources"
    )
    print(f"knowledge {content_hash(text)[:12]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
