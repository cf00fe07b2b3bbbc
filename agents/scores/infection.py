"""Sepsis, pneumonia and sore throat: qSOFA, CRB-65, CURB-65, Centor, McIsaac, FeverPAIN.

Sources: Singer et al. JAMA 2016 (``singer-2016``); Lim et al. Thorax 2003 (``lim-2003``); NICE
NG84 (``nice-ng84``) for Centor and FeverPAIN, with their ages from Fine et al. 2012 (Centor from
15 years, ``fine-2012``) and the FeverPAIN cohort (from 3 years); McIsaac et al. CMAJ 2000
(``mcisaac-2000``).
"""

from agents.scores.points import LOWEST, Band, Item, Title, refusal, summed, when
from agents.scores.subject import Subject, below, both, either, first_known, from_limit, negated
from agents.types import Score, Setting, Urgency

_INFECTION = ("fever", "rigors", "chills", "recent_infection", "hypothermia")

# --- sepsis and pneumonia ---------------------------------------------------------------------

_QSOFA = Title("qsofa", "qSOFA", "singer-2016")
_QSOFA_BANDS = (
    Band(LOWEST, "does not exclude sepsis"),
    Band(2, "poor outcome likely with infection: assess for sepsis now", Urgency.EMERGENCY),
)
_CRB65 = Title("crb65", "CRB-65", "lim-2003")
_CRB65_BANDS = (
    Band(LOWEST, "if pneumonia: low risk"),
    Band(1, "if pneumonia: increased risk, consider hospital", Urgency.URGENT),
    Band(3, "if pneumonia: high risk, urgent admission", Urgency.EMERGENCY),
)
_CURB65 = Title("curb65", "CURB-65", "lim-2003")
_CURB65_BANDS = (
    Band(LOWEST, "if pneumonia: low risk, home treatment is likely to be suitable"),
    Band(2, "if pneumonia: increased risk, consider hospital", Urgency.URGENT),
    Band(3, "if pneumonia: severe, treat in hospital", Urgency.EMERGENCY),
)


def qsofa(subject: Subject) -> Score | None:
    """Only with a sign of infection: outside it the score means nothing."""
    if not subject.has(*_INFECTION):
        return None
    v = subject.vitals
    systolic = v.systolic_bp
    items = (
        when("respiratory rate", from_limit(v.respiratory_rate, 22)),
        when("systolic blood pressure", None if systolic is None else systolic <= 100),
        when("consciousness", subject.altered),
    )
    return summed(_QSOFA, refusal(subject), items, _QSOFA_BANDS)


def crb65(subject: Subject) -> Score | None:
    if not _grades_pneumonia(subject) or not _is_measured(subject):
        return None
    return summed(_CRB65, refusal(subject), _crb65_items(subject), _CRB65_BANDS)


def curb65(subject: Subject) -> Score | None:
    """Where urea can be had: in an emergency department, or where it is known."""
    urea = first_known(subject.states("urea_over_7"), _low_urea(subject))
    if not _grades_pneumonia(subject) or not (_is_measured(subject) or urea is not None):
        return None
    if subject.setting is not Setting.EMERGENCY and urea is None:
        return None
    items = (*_crb65_items(subject), when("urea", urea))
    return summed(_CURB65, refusal(subject), items, _CURB65_BANDS)


def _grades_pneumonia(subject: Subject) -> bool:
    """Consolidation, or cough with a sign of infection."""
    cough = subject.has("cough") and subject.has(*_INFECTION)
    return cough or subject.has("cxr_consolidation")


def _is_measured(subject: Subject) -> bool:
    v = subject.vitals
    return v.respiratory_rate is not None or v.systolic_bp is not None


def _low_urea(subject: Subject) -> bool | None:
    """A urea below 6.5 mmol/L denies one above 7."""
    return False if subject.has("urea_under_6_5") else None


def _crb65_items(subject: Subject) -> tuple[Item, ...]:
    v = subject.vitals
    diastolic = v.diastolic_bp
    low = either(below(v.systolic_bp, 90), None if diastolic is None else diastolic <= 60)
    return (
        when("confusion", subject.altered),
        when("respiratory rate", from_limit(v.respiratory_rate, 30)),
        when("blood pressure", low),
        when("age", from_limit(subject.age, 65)),
    )


# --- sore throat ------------------------------------------------------------------------------

_CENTOR = Title("centor", "Centor", "nice-ng84")
_CENTOR_FROM_YEARS = 15
_CENTOR_BANDS = (
    Band(LOWEST, "streptococci unlikely: no antibiotic"),
    Band(3, "streptococci more likely: consider an immediate or back-up antibiotic"),
)
_MCISAAC = Title("mcisaac", "McIsaac", "mcisaac-2000")
_MCISAAC_FROM_YEARS = 3
_MCISAAC_BANDS = (
    Band(LOWEST, "streptococci unlikely: no test, no antibiotic"),
    Band(2, "test for streptococci and treat by the result"),
    Band(4, "streptococci likely: test, or consider an antibiotic at once"),
)
_FEVERPAIN = Title("feverpain", "FeverPAIN", "nice-ng84")
_FEVERPAIN_FROM_YEARS = 3
_FEVERPAIN_BANDS = (
    Band(LOWEST, "streptococci unlikely: no antibiotic"),
    Band(2, "consider no antibiotic or a back-up antibiotic"),
    Band(4, "streptococci likely: consider an immediate or back-up antibiotic"),
)
_THROAT = ("sore_throat", "tonsils_swollen", "tonsillar_exudate")
_EARLY_HOURS = 72


def centor(subject: Subject) -> Score | None:
    if not subject.has(*_THROAT):
        return None
    why_not = refusal(subject, _CENTOR_FROM_YEARS, pregnancy=False)
    exudate = when("tonsillar exudate", subject.states("tonsillar_exudate"))
    return summed(_CENTOR, why_not, (exudate, *_centor_common(subject)), _CENTOR_BANDS)


def mcisaac(subject: Subject) -> Score | None:
    if not subject.has(*_THROAT):
        return None
    why_not = refusal(subject, _MCISAAC_FROM_YEARS, pregnancy=False)
    tonsils = subject.any_of("tonsillar_exudate", "tonsils_swollen")
    items = (
        when("tonsillar swelling or exudate", tonsils),
        *_centor_common(subject),
        Item("age", None if subject.age is None else _mcisaac_age(subject.age)),
    )
    return summed(_MCISAAC, why_not, items, _MCISAAC_BANDS)


def _mcisaac_age(age: float) -> int:
    if age < 15:
        return 1
    return 0 if age < 45 else -1


def feverpain(subject: Subject) -> Score | None:
    if not subject.has(*_THROAT):
        return None
    why_not = refusal(subject, _FEVERPAIN_FROM_YEARS, pregnancy=False)
    items = (
        when("fever in the last 24 hours", _fever(subject)),
        when("pus on the tonsils", subject.states("tonsillar_exudate")),
        when("seen within 3 days", _seen_early(subject)),
        when("severely inflamed tonsils", subject.states("tonsils_severely_inflamed")),
        when("no cough or coryza", _no_cold(subject)),
    )
    return summed(_FEVERPAIN, why_not, items, _FEVERPAIN_BANDS)


def _centor_common(subject: Subject) -> tuple[Item, ...]:
    return (
        when("tender glands at the front of the neck", _tender_nodes(subject)),
        when("fever above 38 °C", _fever(subject)),
        when("absence of cough", negated(subject.states("cough"))),
    )


def _fever(subject: Subject) -> bool | None:
    """Measured above 38 °C, or stated."""
    celsius = subject.vitals.temperature
    return True if celsius is not None and celsius > 38 else subject.states("fever")


def _tender_nodes(subject: Subject) -> bool | None:
    if subject.worded("lymphadenopathy_cervical", "tender", "painful", "sore"):
        return True
    nodes, tender = map(subject.states, ("lymphadenopathy_cervical", "lymphadenopathy_tender"))
    return first_known(subject.states("anterior_cervical_nodes_tender"), both(nodes, tender))


def _seen_early(subject: Subject) -> bool | None:
    """By the longest duration stated of the sore throat."""
    hours = [m.duration_hours for m in subject.said("sore_throat") if m.duration_hours]
    return max(hours) <= _EARLY_HOURS if hours else None


def _no_cold(subject: Subject) -> bool | None:
    if subject.has("nasal_congestion"):
        return False
    return negated(subject.any_of("cough", "rhinorrhoea"))


RULES = (qsofa, crb65, curb65, centor, mcisaac, feverpain)
