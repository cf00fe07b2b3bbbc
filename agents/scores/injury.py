"""Ottawa ankle and knee rules: who needs an X-ray.

Sources: Stiell et al. JAMA 1993 (``stiell-1993``), in children Dowling et al. 2009; Stiell et al.
Ann Emerg Med 1995 (``stiell-1995``).
"""

from agents.scores.points import LOWEST, Band, Title, refusal, summed, when
from agents.scores.subject import Subject, from_limit
from agents.types import Score, Urgency

_INJURED = ("trauma_recent", "sprain_feeling")

_ANKLE = Title("ottawa_ankle", "Ottawa ankle rule", "stiell-1993")
_ANKLE_FROM_YEARS = 2
_ANKLE_BANDS = (
    Band(LOWEST, "no X-ray needed"),
    Band(1, "X-ray of the ankle, or of the foot where the midfoot hurts", Urgency.URGENT),
)
_KNEE = Title("ottawa_knee", "Ottawa knee rule", "stiell-1995")
_KNEE_FROM_YEARS = 18
_KNEE_BANDS = (
    Band(LOWEST, "no X-ray needed"),
    Band(1, "X-ray of the knee", Urgency.URGENT),
)


def ottawa_ankle(subject: Subject) -> Score | None:
    hurt = subject.has("ankle_pain", "foot_pain", "ankle_bony_tenderness")
    injured = hurt and subject.has(*_INJURED)
    if not (injured or subject.has("ankle_inversion", "ankle_swelling_injury")):
        return None
    items = (
        when(
            "bone tenderness at a malleolus, the navicular or the fifth metatarsal base",
            subject.states("ankle_bony_tenderness"),
        ),
        when("cannot take four steps", subject.states("unable_to_bear_weight")),
    )
    return summed(_ANKLE, refusal(subject, _ANKLE_FROM_YEARS), items, _ANKLE_BANDS)


def ottawa_knee(subject: Subject) -> Score | None:
    hurt = subject.has("knee_pain", "knee_swelling", "patella_tenderness_isolated")
    if not (hurt and subject.has(*_INJURED)):
        return None
    items = (
        when("age", from_limit(subject.age, 55)),
        when("only the kneecap is tender", subject.states("patella_tenderness_isolated")),
        when("tenderness at the head of the fibula", subject.states("fibular_head_tenderness")),
        when("cannot bend to 90 degrees", subject.states("knee_flexion_under_90")),
        when("cannot take four steps", subject.states("unable_to_bear_weight")),
    )
    return summed(_KNEE, refusal(subject, _KNEE_FROM_YEARS), items, _KNEE_BANDS)


RULES = (ottawa_ankle, ottawa_knee)
