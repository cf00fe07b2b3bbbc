"""Emergency detector: red flags and scores, in-process and waiting for nobody.

It runs first on structured findings, vitals and the raw text, then again on what the classifier
read; where the classifier has nothing to give, it reads the note itself.
"""

from agents.knowledge.base import KnowledgeBase
from agents.language.measures import age_in
from agents.scores import scores_of
from agents.triage import red_flags_in
from agents.types import Alarm, Case, Presence, Reading, RedFlag, Span, Urgency


class EmergencyDetector:
    def first_look(self, case: Case, knowledge: KnowledgeBase) -> Alarm:
        """Structured findings, vitals and raw phrases; takes well under a millisecond."""
        reader = knowledge.reader
        present = {
            key
            for item in case.findings
            if item.presence is Presence.PRESENT and (key := reader.resolve(item.name))
        }
        present.update(m.finding for m in reader.measured(case) if m.presence is Presence.PRESENT)
        flags = red_flags_in(knowledge, case, present, _age(case))
        return _alarm(flags, knowledge.raw_flags.in_note(case, _age(case)), Alarm())

    def second_look(
        self, first: Alarm, case: Case, reading: Reading | None, knowledge: KnowledgeBase
    ) -> Alarm:
        """On classified findings; what the first look found stays."""
        if reading is None:
            reading = knowledge.reader.read(case)
        spans: dict[str, Span] = {}
        for mention in reading.mentions:
            if mention.is_evidence and mention.presence is Presence.PRESENT and mention.span:
                spans.setdefault(mention.finding, mention.span)
        age = _age(case)
        flags = red_flags_in(knowledge, case, reading.present, age, spans)
        vitals = knowledge.reader.vitals_of(case)
        scored = scores_of(case, vitals, reading, age, knowledge.ancestors)
        return _alarm(flags, [], Alarm(first.urgency, first.red_flags, scored))


def _age(case: Case) -> float | None:
    if case.age_years is not None:
        return case.age_years
    return next((a for _, text in case.note.sections() if (a := age_in(text)) is not None), None)


def _alarm(flags: list[RedFlag], raw: list[RedFlag], before: Alarm) -> Alarm:
    """Merged by rule; the urgency is the highest seen and never falls."""
    merged: dict[str, RedFlag] = {f.rule: f for f in before.red_flags}
    for flag in (*raw, *flags):
        merged[flag.rule] = flag
    ordered = sorted(merged.values(), key=lambda f: (-f.urgency.rank, f.rule))
    urgency: Urgency | None = before.urgency
    for level in (*[f.urgency for f in ordered], *[s.urgency for s in before.scores]):
        if level is not None:
            urgency = level if urgency is None else urgency.raised_to(level)
    return Alarm(urgency, tuple(ordered), before.scores)
