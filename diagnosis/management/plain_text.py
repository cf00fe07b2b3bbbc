"""A consultation as plain text for a terminal; says what is missing before what was found."""

from collections.abc import Iterator

from agents.types import Advice, Candidate, Consultation, Evidence, RedFlag


def plain_text(consultation: Consultation) -> str:
    """Everything a clinician needs to weigh the answer, in reading order."""
    return "\n".join(_lines(consultation))


def _lines(consultation: Consultation) -> Iterator[str]:
    yield f"URGENCY: {consultation.urgency.value.upper() if consultation.urgency else 'not known'}"
    for reason in consultation.urgency_reasons:
        yield f"  - {reason.sentence}"
    if not consultation.complete:
        missing = ", ".join(agent.value.replace("_", " ") for agent in consultation.missing_agents)
        yield f"INCOMPLETE: no answer from {missing}"
    yield from _red_flags(consultation.red_flags)
    yield from _differential(consultation)
    yield from _recommendations(consultation.recommendations)
    if consultation.questions:
        yield from ("", "ASK NEXT", *(f"  - {q.text}" for q in consultation.questions))
    if consultation.reading.unrecognised:
        yield from ("", "NOT RECOGNISED: " + ", ".join(consultation.reading.unrecognised))
    versions = consultation.versions
    yield from ("", f"engine {versions.engine}, knowledge {versions.knowledge[:12]}")
    yield "Decision support for clinicians; not a diagnosis."


def _red_flags(flags: tuple[RedFlag, ...]) -> Iterator[str]:
    if flags:
        yield from ("", "RED FLAGS")
    for flag in flags:
        yield f"  - {flag.title}: {flag.reason} [{flag.source}]"


def _differential(consultation: Consultation) -> Iterator[str]:
    differential = consultation.differential
    if not differential.enough:
        yield from ("", f"NO RANKING: {differential.reason}")
    if differential.most_likely:
        yield from ("", "MOST LIKELY")
    for candidate in differential.most_likely:
        yield from _candidate(candidate)
    if differential.most_likely:
        yield f"  {differential.other_probability:5.1%}  other, or not in our knowledge"
    if differential.dont_miss:
        yield from ("", "DON'T MISS")
    for candidate in differential.dont_miss:
        yield from _candidate(candidate)


def _candidate(candidate: Candidate) -> Iterator[str]:
    codes = ", ".join(candidate.icd10)
    draft = " [draft]" if candidate.status == "draft" else ""
    yield f"  {candidate.probability:5.1%}  {candidate.name} ({codes}){draft}"
    yield from _evidence("for", candidate.findings_for)
    yield from _evidence("against", candidate.findings_against)


def _evidence(label: str, evidence: tuple[Evidence, ...]) -> Iterator[str]:
    for item in evidence:
        absent = "no " if item.presence.value == "absent" else ""
        yield (
            f"           {label}: {absent}{item.name.lower()}"
            f" (LR {item.likelihood_ratio:.2g}, {item.source})"
        )


def _recommendations(recommendations: tuple[Advice, ...]) -> Iterator[str]:
    if recommendations:
        yield from ("", "RECOMMENDATIONS")
    for advice in recommendations:
        against = (
            f" NOT FOR THIS PATIENT: {advice.contraindicated}" if advice.contraindicated else ""
        )
        yield f"  - {advice.text}{against} [{advice.guideline_title}, {advice.guideline_version}]"
