"""The page on features: ``python -m quant.ml.features.document docs/ml/features.md`` writes it."""

import sys
from pathlib import Path
from typing import Final

from quant.ml.catalogue import KEYS, Subject
from quant.ml.features.declared import FEATURES
from quant.ml.features.rows import ROWS

START: Final = "<!-- begin of features -->"
END: Final = "<!-- end of features -->"


def markdown() -> str:
    """Return the declared features as the page shows them."""
    lines: list[str] = []
    for subject in Subject:
        lines += [
            f"### {subject}",
            "",
            f"Keys: {_code(KEYS[subject])}. Outcomes: {_code(ROWS[subject].labels)}.",
            "",
            "| feature | what | formula | known as of |",
            "|---|---|---|---|",
        ]
        for feature in FEATURES[subject]:
            codes = ", ".join(f"{code} {name}" for code, name in enumerate(feature.categories))
            formula = f"{feature.formula} Codes: {codes}." if codes else feature.formula
            lines.append(
                f"| `{feature.name}` | {feature.title} | {formula} | {feature.as_of_rule} |"
            )
        lines.append("")
    return "\n".join(lines)


def _code(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def main() -> None:
    """Write the features into a page, between its marks."""
    page = Path(sys.argv[1])
    before, mark, rest = page.read_text().partition(START)
    _, end, after = rest.partition(END)
    if not mark or not end:
        msg = f"{page} has no marks"
        raise SystemExit(msg)
    page.write_text(f"{before}{START}\n\n{markdown()}\n{END}{after}")


if __name__ == "__main__":
    main()
