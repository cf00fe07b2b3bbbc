"""Consultations made by hand for tests of doors: every part of an answer occurs once."""

import msgspec

from agents.types import (
    Advice,
    AgentName,
    Answer,
    Candidate,
    Consultation,
    Contradiction,
    Differential,
    Evidence,
    FindingMention,
    Opinion,
    Presence,
    Question,
    Reading,
    RedFlag,
    Score,
    Span,
    Urgency,
    UrgencyReason,
    Versions,
)


def evidence(
    finding: str, presence: Presence, ratio: float, weight: float, source: str
) -> Evidence:
    return Evidence(finding, finding.capitalize(), presence, ratio, weight, source)


PNEUMONIA = Candidate(
    condition="pneumonia",
    name="Pneumonia",
    icd10=("J18",),
    prior=0.002,
    probability=0.624,
    urgency=Urgency.URGENT,
    urgency_reason="May turn into sepsis.",
    dont_miss=True,
    status="draft",
    findings_for=(evidence("fever", Presence.PRESENT, 4.04, 1.4, "paper"),),
    findings_against=(evidence("cough", Presence.ABSENT, 0.12, -2.1, "estimate"),),
    not_asked=(evidence("chills", Presence.UNKNOWN, 25.0, 0.0, "estimate"),),
    context=(Evidence("age", "Age", Presence.PRESENT, 1.2, 0.02, "estimate"),),
    exclude_first=("ectopic", "gone_condition"),
    first_tests=("Chest radiograph",),
    sources=("paper",),
)

FLU = msgspec.structs.replace(
    PNEUMONIA,
    condition="flu",
    name="Flu",
    probability=0.004,
    urgency=Urgency.SELF_CARE,
    dont_miss=False,
    status="reviewed",
    findings_for=(),
    findings_against=(),
    not_asked=(),
    context=(),
)

FULL = Consultation(
    urgency=Urgency.EMERGENCY,
    urgency_reasons=(
        UrgencyReason(Urgency.EMERGENCY, "Sepsis is possible.", "red_flag:sepsis"),
        UrgencyReason(Urgency.URGENT, "Pneumonia is likely.", "condition:pneumonia"),
    ),
    reading=Reading(
        mentions=(
            FindingMention("fever", Presence.PRESENT, "text", Span("text", 0, 5), "Fever"),
            FindingMention("cough", Presence.ABSENT, "text", Span("text", 10, 15), "cough"),
            FindingMention(
                "rash", Presence.PRESENT, "text", Span("text", 24, 28), "rash", subject="family"
            ),
            FindingMention("chills", Presence.PRESENT, "vital", text="temperature 39"),
        ),
        present=("fever",),
        absent=("cough",),
        unrecognised=("zorbitis",),
        contradictions=(Contradiction("fever", "Fever is both stated and denied."),),
    ),
    differential=Differential(
        most_likely=(PNEUMONIA, FLU), dont_miss=(PNEUMONIA,), other_probability=0.07
    ),
    red_flags=(
        RedFlag(
            "sepsis", "Sepsis", Urgency.EMERGENCY, "Kills within hours.", "paper", ("fever",), ("pneumonia",)
        ),
    ),
    scores=(
        Score("curb_65", "CURB-65", 2, "Consider admission", source="paper", urgency=Urgency.URGENT),
        Score("news2", "NEWS2", None, "at least 3", ("spo2", "supplemental_oxygen"), source="paper"),
    ),
    recommendations=(
        Advice(
            "r1", "g", "A guideline", "2024", "pneumonia", "Give amoxicillin.", "treatment", "strong",
            "high", "paper", "https://example.org/g", "2020-01-01", "draft", "Penicillin allergy is stated.",
        ),
        Advice(
            "r2", "g", "A guideline", "2024", "pneumonia", "Reassess in 48 hours.", "safety_net",
            "good_practice", "not_stated", "paper", "", "2099-01-01", "reviewed",
        ),
    ),
    questions=(
        Question(
            "chills", "Any shivering?", 0.3,
            (Answer(Presence.PRESENT, "Pneumonia", 0.8), Answer(Presence.ABSENT, "Flu", 0.51)),
        ),
    ),
    opinions=tuple(Opinion(agent, "completed", 2.5) for agent in AgentName),
    missing_agents=(),
    complete=True,
    versions=Versions("9.9", "abcdef0123456789", {"pneumonia_care": "2024"}),
)  # fmt: skip

PARTIAL = msgspec.structs.replace(
    FULL,
    recommendations=(),
    opinions=tuple(
        Opinion(agent, "timed_out", 5000, "It did not answer by its deadline.")
        if agent is AgentName.RETRIEVER
        else Opinion(agent, "completed", 2.5)
        for agent in AgentName
    ),
    missing_agents=(AgentName.RETRIEVER,),
    complete=False,
)
