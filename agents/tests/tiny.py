"""A knowledge small enough to check by hand, and the slow, obvious reference engine."""

import math

from agents.inference import Parameters
from agents.knowledge.bands import AGAINST, FREQUENCY, PREVALENCE
from agents.knowledge.base import KnowledgeBase, compile_knowledge
from agents.knowledge.likelihood import (
    CHILD_POWER,
    LARGEST_LOG_RATIO,
    UNLISTED,
    background_of,
)
from agents.knowledge.loader import read_shipped
from agents.knowledge.schema import (
    AgePoint,
    ConditionEntry,
    FindingEntry,
    GuidelineEntry,
    KnowledgeText,
    Prevalence,
    RecommendationEntry,
    RedFlagEntry,
    SexWeights,
    SourceEntry,
    UseConditions,
)
from agents.types import Case, Reading, Urgency


def tiny_text() -> KnowledgeText:
    """Four conditions, ten findings, one source, one guideline, two red flags."""
    return KnowledgeText(
        sources={
            "paper": SourceEntry("A paper", "A journal", 2020, "article", "https://example.org/p")
        },
        findings={
            "fever": FindingEntry("Fever", "symptom", group="fever_group"),
            "chills": FindingEntry("Chills", "symptom", group="fever_group"),
            "cough": FindingEntry("Cough", "symptom"),
            "dry_cough": FindingEntry(
                "Dry cough", "symptom", parents=("cough",), when={"quality": ("dry",)}
            ),
            "rash": FindingEntry("Rash", "symptom"),
            "pelvic_pain": FindingEntry("Pelvic pain", "symptom"),
            "pregnant": FindingEntry("Pregnant", "history", passing=True),
            "smoking": FindingEntry("Smoking", "history", background="ubiquitous"),
            "drug_penicillin_allergy": FindingEntry("Penicillin allergy", "history"),
            "neck_stiffness": FindingEntry("Neck stiffness", "sign"),
        },
        conditions={
            "flu": _condition("Flu", "common", {"fever": "hallmark", "chills": "common", "cough": "very_common"}),
            "pneumonia": _condition(
                "Pneumonia", "uncommon", {"fever": "very_common", "cough": "hallmark"},
                urgency=Urgency.URGENT, dont_miss=True, risks={"smoking": 2.0},
            ),
            "eczema": _condition("Eczema", "common", {"rash": "hallmark"}, against={"fever": "moderate"}),
            "ectopic": _condition(
                "Ectopic pregnancy", "rare", {"pelvic_pain": "hallmark", "pregnant": "common"},
                urgency=Urgency.EMERGENCY, dont_miss=True, pregnancy="required",
                sex=SexWeights(female=1, male=0),
                age=(AgePoint(10, 0), AgePoint(25, 1), AgePoint(50, 0)), age_limits=(10, 55),
            ),
        },
        systems={"flu": "a", "pneumonia": "a", "eczema": "b", "ectopic": "c"},
        red_flags={
            "meningism": RedFlagEntry(
                "Meningism", Urgency.EMERGENCY, "Fever with a stiff neck.", "paper",
                all=("fever", "neck_stiffness"), phrases=("stiff neck fever",),
            ),
            "smoker_cough": RedFlagEntry(
                "Cough in a smoker", Urgency.URGENT, "Exclude cancer.", "paper",
                all=("cough", "smoking"), min_age=40,
            ),
        },
        guidelines={
            "pneumonia_care": GuidelineEntry(
                title="Pneumonia care", status="draft", version="1", developer="A society",
                source="paper", published="2020-01-01", review_due="2030-01-01",
                population="Adults", conditions=("pneumonia",),
                recommendations=(
                    RecommendationEntry("oxygen", "Measure oxygen saturation.", "investigation", "strong", "moderate"),
                    RecommendationEntry(
                        "penicillin", "Offer a penicillin.", "treatment", "strong", "high",
                        use=UseConditions(contraindicated_by=("drug_penicillin_allergy",), min_age=18),
                        note="Use another class.",
                    ),
                ),
            )
        },
        lexicon=read_shipped().lexicon,
    )  # fmt: skip


def _condition(
    name: str, prevalence: str, findings: dict[str, str], **more: object
) -> ConditionEntry:
    return ConditionEntry(
        name=name,
        status="draft",
        icd10=("A00",),
        summary="A condition of the tests.",
        prevalence=Prevalence(prevalence, prevalence),  # type: ignore[arg-type]
        findings=findings,  # type: ignore[arg-type]
        **{"urgency": Urgency.ROUTINE, "urgency_reason": "It can wait.", **more},  # type: ignore[arg-type]
    )


def tiny_knowledge() -> KnowledgeBase:
    return compile_knowledge(tiny_text())


def reference_scores(
    text: KnowledgeText, case: Case, reading: Reading, parameters: Parameters
) -> dict[str, float]:
    """Scores by loops and dictionaries, for knowledge whose parents are single."""
    return {
        key: _prior(entry, case, parameters)
        + parameters.evidence * _evidence(text, entry, reading, parameters)
        for key, entry in text.conditions.items()
    }


def _prior(entry: ConditionEntry, case: Case, parameters: Parameters) -> float:
    share = getattr(entry.prevalence, case.setting.value)
    return parameters.prior * math.log(PREVALENCE[share])


def _evidence(
    text: KnowledgeText, entry: ConditionEntry, reading: Reading, parameters: Parameters
) -> float:
    total = 0.0
    for found, factor, sign in (
        (reading.present, 1.0, True),
        (reading.absent, parameters.absent, False),
    ):
        groups: dict[str, list[float]] = {}
        for finding in found:
            ratio = _ratio(text, entry, finding)
            base = background_of(text.findings[finding])
            p = min(max(ratio * base, 1e-5), 0.985)
            log = math.log(ratio) if sign else math.log((1 - p) / (1 - base))
            log = max(-LARGEST_LOG_RATIO, min(LARGEST_LOG_RATIO, log)) if sign else log
            groups.setdefault(_group(text, finding), []).append(log)
        for logs in groups.values():
            for direction in (
                sorted((x for x in logs if x >= 0), reverse=True),
                sorted(x for x in logs if x < 0),
            ):
                total += factor * sum(x * parameters.correlated**i for i, x in enumerate(direction))
    return total


def _ratio(text: KnowledgeText, entry: ConditionEntry, finding: str) -> float:
    base = background_of(text.findings[finding])
    if finding in entry.findings:
        return FREQUENCY[entry.findings[finding]] / base  # type: ignore[index]
    if finding in entry.risks:
        odds = float(entry.risks[finding])  # type: ignore[arg-type]
        return odds / (1 - base + odds * base)
    if finding in entry.against:
        return AGAINST[entry.against[finding]]
    for parent in text.findings[finding].parents:
        inherited = _ratio(text, entry, parent)
        if parent in entry.findings and inherited > 1:
            return inherited**CHILD_POWER
        if parent in entry.against:
            return inherited
    return UNLISTED if text.findings[finding].kind in ("symptom", "sign") else 1.0


def _group(text: KnowledgeText, finding: str) -> str:
    entry = text.findings[finding]
    return entry.group or (entry.parents[0] if entry.parents else finding)
