"""Takes the pictures of the README from a running product: ``python -m scripts.screenshots``.

Start the product with ``make run`` first. What is shown is a case of our own; nothing is edited.
"""

import argparse
import shutil
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-sync",
    "--no-first-run",
]
NOTE = """\
Crushing central chest pain for one hour, radiating to the left arm, with sweating and nausea. \
Came on suddenly while climbing stairs and has not eased. Denies cough, fever or leg swelling.
Past history: hypertension, high cholesterol. Smoker. Father had a heart attack at 52."""


def main() -> None:
    """Writes docs/images/new-case.png, result.png and result-dark.png."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--address", default="http://127.0.0.1:8000")
    reader.add_argument("--out", type=Path, default=IMAGES)
    given = reader.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        take(chromium, given.address, given.out)
        chromium.close()
    print(f"Pictures are in {given.out}")


def take(chromium: Browser, address: str, out: Path) -> None:
    """One case in a light and in a dark window of a small laptop's width."""
    for scheme in ("light", "dark"):
        window = chromium.new_context(
            base_url=address,
            color_scheme=scheme,
            viewport={"width": 1366, "height": 900},
        )
        page = window.new_page()
        enter(page)
        if scheme == "light":
            page.screenshot(path=out / "new-case.png")
        page.get_by_role("button", name="Analyse the case").click()
        page.get_by_role("heading", name="Most likely").wait_for()
        page.screenshot(path=out / ("result.png" if scheme == "light" else "result-dark.png"))
        window.close()


def enter(page: Page) -> None:
    """Types the case, as a clinician would."""
    page.goto("/")
    page.get_by_label("The note in one text").fill(NOTE)
    page.get_by_label("Age", exact=True).fill("58")
    page.get_by_label("Sex", exact=True).select_option("male")
    page.get_by_label("Seen in").select_option("emergency")
    for label, value in (
        ("Heart rate", "104"),
        ("Systolic pressure", "98"),
        ("Diastolic pressure", "64"),
        ("Respiratory rate", "22"),
        ("Oxygen saturation", "95"),
    ):
        page.get_by_label(label).fill(value)


if __name__ == "__main__":
    main()
