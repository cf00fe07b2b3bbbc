"""Treatment retriever: guideline recommendations for the leading conditions."""

from agents.knowledge.base import KnowledgeBase
from agents.knowledge.schema import GuidelineEntry, RecommendationEntry, UseConditions
from agents.types import Advice, Case, Differential, Presence, Reading

LEADING = 3
LEAST_PROBABILITY = 0.05
"""Advice for a condition less likely than this would mislead more than it helps."""
MOST_ADVICE = 30


class TreatmentRetriever:
    async def retrieve(
        self, case: Case, reading: Reading, differential: Differential, knowledge: KnowledgeBase
    ) -> tuple[Advice, ...]:
        """For the leading conditions and the don't-miss list, in that order."""
        wanted = [
            candidate.condition
            for candidate in (
                *differential.most_likely[:LEADING],
                *differential.dont_miss[:LEADING],
            )
            if candidate.probability >= LEAST_PROBABILITY
        ]
        advice: list[Advice] = []
        for condition in dict.fromkeys(wanted):
            for guideline_id in knowledge.guidelines_of.get(condition, ()):
                guideline = knowledge.text.guidelines[guideline_id]
                advice.extend(_advice(guideline_id, guideline, condition, case, reading, knowledge))
        return tuple(advice[:MOST_ADVICE])


def _advice(
    guideline_id: str,
    guideline: GuidelineEntry,
    condition: str,
    case: Case,
    reading: Reading,
    knowledge: KnowledgeBase,
) -> list[Advice]:
    source = knowledge.text.sources[guideline.source]
    return [
        Advice(
            recommendation=recommendation.id,
            guideline=guideline_id,
            guideline_title=guideline.title,
            guideline_version=guideline.version,
            condition=condition,
            text=recommendation.text,
            kind=recommendation.kind,
            strength=recommendation.strength,
            certainty=recommendation.certainty,
            source=guideline.source,
            url=source.url,
            review_due=guideline.review_due,
            status=guideline.status,
            contraindicated=_contraindication(recommendation, case, reading, knowledge),
        )
        for recommendation in guideline.recommendations
        if not recommendation.conditions or condition in recommendation.conditions
    ]


def _contraindication(
    recommendation: RecommendationEntry, case: Case, reading: Reading, knowledge: KnowledgeBase
) -> str:
    """Why not for this patient; shown with the recommendation, which is never dropped."""
    use = recommendation.use
    reason = _outside_population(use, case)
    if not reason:
        names = knowledge.text.findings
        found = [f for f in use.contraindicated_by if f in reading.present]
        reason = ", ".join(f"{names[f].name} is present" for f in found)
    return f"{reason}. {recommendation.note}".strip() if reason else ""


def _outside_population(use: UseConditions, case: Case) -> str:
    age = case.age_years
    if age is not None and use.min_age is not None and age < use.min_age:
        return f"Only from {use.min_age:g} years of age"
    if age is not None and use.below_age is not None and age >= use.below_age:
        return f"Only below {use.below_age:g} years of age"
    if use.sex is not None and case.sex is not None and case.sex is not use.sex:
        return f"Only for {use.sex.value} patients"
    if use.pregnant == "contraindicated" and case.pregnant is Presence.PRESENT:
        return "Contraindicated in pregnancy"
    if use.pregnant == "only" and case.pregnant is Presence.ABSENT:
        return "Only in pregnancy"
    return ""
