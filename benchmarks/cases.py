"""The two cases of the benchmarks, our own: ten coded findings, and a note."""

from agents.types import Case, Note, Sex, StatedFinding

CODED = Case(
    findings=tuple(
        StatedFinding(name)
        for name in (
            "fever", "cough", "dyspnoea", "chest_pain", "fatigue", "headache", "nausea", "vomiting",
            "sore_throat", "palpitations",
        )
    ),
    age_years=47,
    sex=Sex.FEMALE,
)  # fmt: skip
NOTE = Case(
    note=Note(
        chief_complaint="Cough and fever",
        history=(
            "A retired gardener who has been unwell for five days. It began with shivering and a"
            " dry cough, which now brings up rusty phlegm. On the right side of the chest there is"
            " a sharp pain whenever she takes a deep breath, and climbing the stairs to her flat"
            " leaves her breathless. Her daughter noticed that she was muddled last night and has"
            " hardly eaten or drunk since. She took paracetamol, which brought the temperature"
            " down for a few hours only. There was no travel, and nobody else at home is ill. The"
            " legs are not swollen and the calves do not hurt. She has never coughed up blood."
        ),
        denies="No wheeze, no palpitations, no vomiting or diarrhoea, no rash, no urinary symptoms",
        past_history="Hypertension, type 2 diabetes, hip replacement six years ago.",
        social_history="Smoked twenty cigarettes a day for thirty years, stopped at sixty.",
    ),
    age_years=74,
    sex=Sex.FEMALE,
)
