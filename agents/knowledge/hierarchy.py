"""The finding hierarchy: what implies what, and which findings say much the same."""

from agents.knowledge.schema import FindingEntry

_LARGEST_FAMILY = 40
"""A common ancestor of more findings than this is too general to correlate them."""


def ancestors_of(findings: dict[str, FindingEntry]) -> dict[str, frozenset[str]]:
    """All more general findings of each finding, without itself."""
    known: dict[str, frozenset[str]] = {}

    def visit(key: str) -> frozenset[str]:
        if key not in known:
            known[key] = frozenset()  # a loop, which the checks refuse, would end here
            above = findings[key].parents
            known[key] = frozenset(above).union(*(visit(parent) for parent in above))
        return known[key]

    for key in findings:
        visit(key)
    return known


def correlation_groups(
    findings: dict[str, FindingEntry], ancestors: dict[str, frozenset[str]]
) -> dict[str, str]:
    """Group of each finding: its own, its nearest ancestor's, or its topmost fitting ancestor."""
    sizes: dict[str, int] = {}
    for above in ancestors.values():
        for key in above:
            sizes[key] = sizes.get(key, 0) + 1
    return {key: _group(key, findings, ancestors, sizes) for key in findings}


def _group(
    key: str,
    findings: dict[str, FindingEntry],
    ancestors: dict[str, frozenset[str]],
    sizes: dict[str, int],
) -> str:
    own = findings[key].group
    if own is not None:
        return own
    lineage = sorted(ancestors[key], key=lambda a: (sizes[a], a))
    for above in lineage:
        group = findings[above].group
        if group is not None:
            return group
    fitting = [a for a in lineage if sizes[a] <= _LARGEST_FAMILY]
    return fitting[-1] if fitting else key
