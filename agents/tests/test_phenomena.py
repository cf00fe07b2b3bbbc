"""What real notes hold, in our own wording: one case or two for each phenomenon of a reader.

Longer cases stand in test_reader.
"""

from collections.abc import Callable

import pytest

from agents.types import Reading

Read = Callable[..., Reading]


@pytest.mark.parametrize(
    ("text", "present", "absent"),
    [
        # normality and narrative negation
        ("Power and sensation intact in both legs.", (), ("focal_weakness", "numbness")),
        ("Afebrile, neck supple.", (), ("fever", "neck_stiffness")),
        ("Food no longer appeals to him.", ("anorexia",), ()),
        ("She is able to bear weight on the foot.", (), ("unable_to_bear_weight",)),
        # limited scope
        ("Nausea without vomiting.", ("nausea",), ("vomiting",)),
        # aggravating and relieving factors
        ("Chest pain that is better when leaning forward and worse lying flat.", ("chest_pain_leaning_forward_relief",), ()),
        ("Upper belly pain relieved by antacids, worse after meals.", ("abdominal_pain_relieved_antacid",), ()),
        # side and radiation
        ("Pain in the right loin that shoots down to the groin.", ("flank_pain_radiating_to_groin",), ()),
        ("Crushing chest pain going into the left arm and jaw.", ("chest_pain_radiating_arm_jaw",), ()),
        # similes
        ("Urine the colour of cola.", ("dark_urine",), ()),
        ("A cough like the bark of a seal.", ("barking_cough",), ()),
        ("Stools black like tar.", ("melaena",), ()),
        # severity beyond the scale
        ("Headache, 11 out of 10.", ("headache_severe",), ()),
        # drugs, exposures, reproduction
        ("Started on ramipril a month ago, since then a tickly dry cough.", ("drug_ace_inhibitor", "dry_cough"), ()),
        ("Milks goats and drinks the raw milk.", ("unpasteurised_dairy",), ()),
        ("Bitten by a tick two weeks ago while camping.", ("tick_bite",), ()),
        ("Gave birth three weeks ago.", ("postpartum",), ()),
        ("Her last period was two years ago.", ("secondary_amenorrhoea",), ()),
        ("Period is two weeks late.", ("missed_period",), ()),
        # numbers
        ("Lost 9 kg in three months.", ("weight_loss",), ()),
        ("Smokes, 40 pack years.", ("heavy_smoking",), ()),
        ("Temperature 104 F.", ("high_fever",), ()),
        ("BP 86/50, pulse 128.", ("hypotension", "tachycardia"), ()),
        # earlier disease as the key
        ("Known sickle cell disease.", ("sickle_cell_known",), ()),
        ("Had a clot in the leg five years ago.", ("hx_dvt_pe",), ()),
        # what a carer has seen
        ("The toddler keeps tugging his ear and will not feed.", ("ear_tugging",), ()),
        # technical beside lay words
        ("His knees buckle when he laughs, cataplexy.", ("cataplexy",), ()),
        ("Her face is puffy in the mornings.", ("facial_puffiness",), ()),
        # broken text
        ("Chestpain and shortnes of breath.", ("chest_pain", "dyspnoea"), ()),
        ("feverNo cough", ("fever",), ("cough",)),
        # a disease in the text is history, not proof; the end of an idiom is none
        ("Right-handed teacher.", (), ()),
    ],
)  # fmt: skip
def test_phenomenon(
    read: Read, text: str, present: tuple[str, ...], absent: tuple[str, ...]
) -> None:
    reading = read(text)
    assert set(present) <= set(reading.present), reading.present
    assert set(absent) <= set(reading.absent), reading.absent
    if not present:
        assert reading.present == ()


def test_weight_lost_and_no_weight_change_are_reported(read: Read) -> None:
    reading = read(history="Lost 10 kg since spring.", denies="No weight loss, no fever")
    assert {c.subject for c in reading.contradictions} == {"weight_loss"}


def test_the_family_is_not_the_patient(read: Read) -> None:
    reading = read("Her mother has migraine with vomiting.")
    assert reading.present in ((), ("fh_migraine",))


def test_spells_and_illness_have_their_own_length(read: Read) -> None:
    reading = read("For the last 4 weeks spells of palpitations that last a few minutes.")
    assert reading.tempo.duration_hours == pytest.approx(4 * 168)
    assert "episodic" in reading.tempo.courses


@pytest.mark.parametrize(
    ("text", "courses"),
    [
        ("Memory has gone down stepwise.", {"stepwise"}),
        ("The confusion waxes and wanes.", {"fluctuating"}),
        ("Cough that gets worse and worse.", {"worsening"}),
    ],
)
def test_tempo(read: Read, text: str, courses: set[str]) -> None:
    assert courses <= set(read(text).tempo.courses)


def test_causes_stand_in_the_order_they_happened(read: Read) -> None:
    """Infection, then antibiotic, then rash, then little urine: all four are read, none is lost."""
    reading = read(
        "Sore throat two weeks ago, treated with amoxicillin. Now a rash, fever and passing"
        " little urine."
    )
    assert {"drug_penicillin", "rash", "fever", "oliguria"} <= set(reading.present)
