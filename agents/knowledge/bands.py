"""The one place where words of frequency become numbers.

A band is an honest estimate by the author of an entry; a number from the literature is written
as a number together with its source.
"""

FREQUENCY: dict[str, float] = {
    "hallmark": 0.95,
    "very_common": 0.8,
    "common": 0.5,
    "uncommon": 0.2,
    "rare": 0.05,
}
"""How often a finding occurs among people who have the condition."""

BACKGROUND: dict[str, float] = {
    "ubiquitous": 0.25,
    "frequent": 0.1,
    "occasional": 0.032,
    "seldom": 0.01,
    "specific": 0.0035,
}
"""How often a finding is read in notes of people who are seen for something else.

The rarest bands allow for misreading: in about one note of 500 a finding is read that is not there.
"""

PREVALENCE: dict[str, float] = {
    "very_common": 300e-4,
    "common": 100e-4,
    "uncommon": 30e-4,
    "rare": 8e-4,
    "very_rare": 2e-4,
    "exceptional": 0.1e-4,
}
"""Share of the people seen in a setting, at the age of peak incidence, who have the condition."""

AGAINST: dict[str, float] = {"strong": 0.1, "moderate": 0.4, "weak": 0.7}
"""Likelihood ratio of a finding that speaks against a condition."""
