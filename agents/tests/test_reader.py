"""What a reader of notes must handle, one phenomenon after the other, in our own wording."""

from collections.abc import Callable

import pytest

from agents.knowledge.base import KnowledgeBase
from agents.types import Case, Note, Presence, Reading, Sex, StatedFinding

P, A = Presence.PRESENT, Presence.ABSENT


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # coordinated denials
        ("No urinary urgency, hesitancy or dribbling.", {"urinary_urgency": A, "difficulty_urinating": A}),
        ("Denies fever, chills, night sweats and weight loss.", {"fever": A, "chills": A, "night_sweats": A, "weight_loss": A}),
        ("No cough, wheeze or haemoptysis, but has a sore throat.", {"cough": A, "wheeze": A, "haemoptysis": A, "sore_throat": P}),
        ("There is neither vomiting nor diarrhoea.", {"vomiting": A, "diarrhoea": A}),
        ("Headache without nausea or neck stiffness.", {"headache": P, "nausea": A, "neck_stiffness": A}),
        ("Negative for dysuria and haematuria.", {"dysuria": A, "haematuria": A}),
        # a new statement ends the denial
        ("No fever, has had a cough for a week.", {"fever": A, "cough": P}),
        ("He denies chest pain however reports palpitations.", {"chest_pain": A, "palpitations": P}),
        # normality as negation
        ("Afebrile.", {"fever": A}),
        # what looks like a negation and is none
        ("The cough has not improved.", {"cough": P}),
        ("Abdominal pain not relieved by paracetamol.", {"abdominal_pain": P}),
        # limited scope
        ("Nausea without vomiting.", {"nausea": P, "vomiting": A}),
        # lay words, order and fillers
        ("My tummy hurts really badly.", {"abdominal_pain": P}),
        ("She can't catch her breath.", {"dyspnoea": P}),
        ("I have been throwing up all night.", {"vomiting": P}),
        ("He coughs up blood.", {"haemoptysis": P}),
        # coordination shares a word
        ("Pain in the chest and back.", {"chest_pain": P, "back_pain": P}),
        ("Swelling and redness of the left knee.", {}),
        # glued and misspelt words
        ("No feverNot a smoker", {"fever": A, "smoking": A}),
        ("Severe diarhoea and vommiting since yesterday.", {"diarrhoea": P, "vomiting": P}),
        ("Sharp chestpain and a sorethroat.", {"chest_pain": P, "sore_throat": P}),
        # a place named apart from its complaint
        ("A tearing pain. It began in the front of the chest.", {"chest_pain": P}),
        ("Pain round the navel which is now in the right lower quadrant.", {"right_lower_quadrant_pain": P}),
        # a cue that is part of the wording is none
        ("Fear of dying.", {"fear_of_dying": P}),
        ("She was not eating.", {"anorexia": P}),
        ("No pain, vision normal.", {"blurred_vision": A}),
        # idioms
        ("He fell asleep after a coughing fit.", {"fall": None, "seizure": None}),
        # numbers
        ("Temperature 38.9 C, pulse 128 bpm.", {"fever": P, "tachycardia": P}),
        ("Temp 102.4 F.", {"fever": P}),
        ("Temperature was 36.6 C.", {"fever": A}),
    ],
)  # fmt: skip
def test_presence(
    presences: Callable[..., dict[str, Presence]], text: str, expected: dict[str, Presence | None]
) -> None:
    found = presences(text)
    assert {key: found.get(key) for key in expected} == expected


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("Abdominal pain that radiates to the back.", "back_pain"),
        ("Chest pain, leg swelling.", "leg_pain"),
        ("Worsening nausea, vomiting, abdominal pain.", "worsening_headache"),
        ("The room was cold and the window out of order.", "delusions_persecutory"),
    ],
)
def test_words_of_different_statements_are_not_joined(
    presences: Callable[..., dict[str, Presence]], text: str, wrong: str
) -> None:
    assert wrong not in presences(text)


def test_the_section_of_denials_denies_without_saying_so(
    presences: Callable[..., dict[str, Presence]],
) -> None:
    found = presences(denies="fever, cough; chest pain")
    assert found["fever"] is A
    assert found["cough"] is A
    assert found["chest_pain"] is A


def test_past_symptoms_are_no_evidence_but_past_diseases_are(read: Callable[..., Reading]) -> None:
    reading = read(
        history="Headache since Monday.", past_history="Hypertension. Abdominal pain in childhood."
    )
    assert "hypertension" in reading.present
    assert "abdominal_pain" not in reading.present
    past = [m for m in reading.mentions if m.finding == "abdominal_pain"]
    assert [m.temporality for m in past] == ["past"]


def test_a_history_of_days_is_the_present_complaint(
    presences: Callable[..., dict[str, Presence]],
) -> None:
    assert presences("A 3-week history of headache.")["headache"] is P
    assert presences("Cough in the past two days.")["cough"] is P


def test_family_and_patient_are_kept_apart(read: Callable[..., Reading]) -> None:
    reading = read("Her mother had breast cancer. She has a headache.", sex=Sex.FEMALE)
    assert "fh_breast_cancer" in reading.present
    assert "headache" in reading.present
    assert "breast_cancer" not in reading.present


def test_a_carer_who_observes_is_not_the_patient(
    presences: Callable[..., dict[str, Presence]],
) -> None:
    found = presences("His mother has noticed that he has a cough and fever.", age=3)
    assert found["cough"] is P
    assert found["fever"] is P


def test_hypothetical_findings_are_no_evidence(read: Callable[..., Reading]) -> None:
    reading = read("Come back if vomiting occurs. She is worried about meningitis.")
    assert "vomiting" not in reading.present


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("Headache for 3 days.", 72),
        ("Cough for the last four weeks.", 672),
        ("2-day history of fever.", 48),
        ("Abdominal pain started 6 hours ago.", 6),
        ("Vomiting since yesterday.", 18),
    ],
)
def test_duration(read: Callable[..., Reading], text: str, hours: float) -> None:
    assert read(text).tempo.duration_hours == hours


def test_an_age_is_no_duration(read: Callable[..., Reading]) -> None:
    assert read("A 25-year-old woman with headache.").tempo.duration_hours is None


def test_how_long_a_spell_lasts_is_not_how_long_the_illness_runs(
    read: Callable[..., Reading],
) -> None:
    tempo = read("Vertigo in attacks lasting 20 seconds for the past 2 weeks.").tempo
    assert tempo.duration_hours == 336


def test_onset_and_course(read: Callable[..., Reading]) -> None:
    tempo = read("Sudden severe headache, getting worse.").tempo
    assert tempo.onset == "sudden"
    assert "worsening" in tempo.courses


def test_attributes_make_the_finding_more_specific(
    presences: Callable[..., dict[str, Presence]],
) -> None:
    found = presences("Chest pain. The pain is worse on taking a deep breath.")
    assert found["pleuritic_chest_pain"] is P


def test_severity_is_read(read: Callable[..., Reading]) -> None:
    mention = next(m for m in read("Excruciating headache.").mentions if m.span)
    assert mention.severity == "severe"


def test_contradictions_are_reported(read: Callable[..., Reading]) -> None:
    reading = read(history="Vomiting twice today.", denies="No vomiting")
    assert any(c.subject == "vomiting" for c in reading.contradictions)
    assert "vomiting" in reading.present


def test_sex_against_finding_is_reported(read: Callable[..., Reading]) -> None:
    reading = read("Testicular pain since this morning.", sex=Sex.FEMALE)
    assert any(c.subject == "testicular_pain" for c in reading.contradictions)


def test_a_named_disease_is_no_proof(read: Callable[..., Reading]) -> None:
    reading = read("He asks whether it could be pulmonary embolism. Cough.")
    assert any(n.condition == "pulmonary_embolism" for n in reading.named_conditions)


def test_spans_point_at_the_words(read: Callable[..., Reading]) -> None:
    text = "Since Monday a dreadful sore throat, no fever."
    for mention in read(text).mentions:
        if mention.span:
            assert text[mention.span.start : mention.span.end] == mention.text


def test_unknown_structured_findings_come_back(knowledge) -> None:  # type: ignore[no-untyped-def]
    reading = knowledge.reader.read(
        Case(findings=(StatedFinding("headache"), StatedFinding("zzyzx syndrome of the wug")))
    )
    assert reading.present == ("headache",)
    assert reading.unrecognised == ("zzyzx syndrome of the wug",)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Headache", "headache"),
        ("hedache", "headache"),
        ("shortness of breath", "dyspnoea"),
        ("Belly pain", "abdominal_pain"),
        ("abdominal_pain", "abdominal_pain"),
    ],
)
def test_structured_names_resolve(knowledge, name: str, key: str) -> None:  # type: ignore[no-untyped-def]
    assert knowledge.reader.resolve(name) == key


@pytest.mark.parametrize(
    "text",
    ["", " ", "\n\n", "???", "头痛三天", "Головная боль", "🤒🤕", "a" * 20_000, "no " * 5000],
)
def test_odd_text_reads_as_nothing_and_never_fails(read: Callable[..., Reading], text: str) -> None:
    assert read(text).present == ()


def test_every_wording_reads_without_failing_in_every_context(knowledge) -> None:
    for key, entry in knowledge.text.findings.items():
        for wording in (entry.name, *entry.synonyms[:3], *entry.lay[:3], *entry.normal[:2]):
            text = f"{wording}. No {wording}. His mother had {wording}."
            reading = knowledge.reader.read(Case(note=Note(text=text)))
            assert all(m.finding in knowledge.text.findings for m in reading.mentions), key


@pytest.mark.parametrize(
    ("text", "present", "absent"),
    [
        ("No fever, nose runs all day.", {"rhinorrhoea"}, {"fever"}),
        ("Has not passed stool for 3 days, belly swollen.", {"abdominal_distension"}, set()),
        ("She cannot get the words out.", {"aphasia"}, set()),
        ("Could not get out of the chair.", {"proximal_weakness"}, set()),
        ("Left arm and leg weak since this morning.", {"unilateral_weakness"}, set()),
        ("Headache, blood pressure 180/110.", {"headache"}, {"headache_pressing"}),
        ("A cold with sore throat.", {"sore_throat"}, {"lip_vesicles"}),
    ],
)
def test_where_a_negation_ends_and_what_belongs_together(
    read: Callable[..., Reading], text: str, present: set[str], absent: set[str]
) -> None:
    reading = read(text)
    assert present <= set(reading.present)
    assert absent.isdisjoint(reading.present)


def test_a_family_history_takes_no_word_from_the_patient(read: Callable[..., Reading]) -> None:
    assert "bloody_stool" in read(denies="No rectal pain or bleeding").absent


def test_findings_of_one_age_are_not_read_at_another(knowledge: KnowledgeBase) -> None:
    note = Note(history="Yellow eyes for 4 days.")
    adult = knowledge.reader.read(Case(note=note, age_years=45))
    newborn = knowledge.reader.read(Case(note=note, age_years=0.01))
    assert "jaundice_day_2_7" not in adult.present
    assert "jaundice" in adult.present
    assert "jaundice_day_2_7" in newborn.present


def test_an_age_in_the_wrong_unit_is_reported_and_not_believed(knowledge: KnowledgeBase) -> None:
    note = Note(history="This baby has had a fever since yesterday and refuses the breast.")
    reading = knowledge.reader.read(Case(note=note, age_years=8))
    assert [c.subject for c in reading.contradictions] == ["age"]
    assert "poor_feeding" in reading.present
    mother = Note(history="Sore nipple since the baby is teething.")
    assert not knowledge.reader.read(Case(note=mother, age_years=22)).contradictions


def test_what_is_past_is_told_apart_and_the_complaint_leads(read: Callable[..., Reading]) -> None:
    reading = read(
        chief_complaint="Unsteadiness", history="Tired.", past_history="Two spells of eye pain."
    )
    assert reading.chief == ("unsteadiness",)
    assert "eye_pain" in reading.past
    assert "eye_pain" not in reading.present
