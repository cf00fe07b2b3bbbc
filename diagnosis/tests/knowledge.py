"""Knowledge for tests: small enough to check by hand, and one with every form of entry."""

from functools import cache

import msgspec

from agents.knowledge.schema import (
    FindingEntry,
    KnowledgeText,
    Likelihood,
    OddsRatio,
    Prevalence,
    VitalRule,
)
from agents.tests.tiny import tiny_text
from agents.types import Sex
from diagnosis.selectors.releases import canonical


@cache
def tiny() -> KnowledgeText:
    """The tiny knowledge, made once: its lexicon is that of the shipped files."""
    return canonical(tiny_text())


def rich() -> KnowledgeText:
    """The tiny knowledge with every form that the schema allows."""
    text = tiny()
    findings = {
        **text.findings,
        "temperature_38": FindingEntry(
            "Temperature of 38 °C or more",
            "vital",
            synonyms=("pyrexia",),
            lay=("burning up",),
            normal=("afebrile",),
            background=0.031,
            vital=VitalRule("temperature", at_least=38.0),
            hpo="HP:0001945",
            question="Have you a temperature?",
            sex=Sex.FEMALE,
        ),
        "severe_cough": FindingEntry("Severe cough", "symptom", ("cough",), severity="severe"),
    }
    flu = msgspec.structs.replace(
        text.conditions["flu"],
        findings={
            "fever": Likelihood("paper", p=0.86, note="in adults"),
            "cough": Likelihood("paper", lr_pos=2.5, lr_neg=0.4),
            "chills": "common",
        },
        risks={"smoking": OddsRatio(1.5, "paper", "current"), "pregnant": 1.1},
        against={"rash": "weak", "neck_stiffness": "strong"},
        prevalence=Prevalence(0.0123, "common", "paper"),
        onset=("sudden", "acute"),
        duration=("days",),
        course=("constant",),
        exclude_first=("pneumonia",),
        first_tests=("None; it is a clinical diagnosis",),
        synonyms=("influenza",),
        sources=("paper",),
        status="reviewed",
    )
    return msgspec.structs.replace(
        text, findings=findings, conditions={**text.conditions, "flu": flu}
    )
