"""Coverage-guided fuzzing of one parser: ``markup_harness.py TARGET CORPUS -runs=N ...``.

The further arguments are libFuzzer's. The process fails where anything but a ``DocumentError``
leaves the parser.
"""

import sys
from contextlib import suppress
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

with atheris.instrument_imports(include=["quant.parsers", "quant.ingest.values"]):
    from fuzz.markup_targets import TARGETS

    from quant.parsers.model import DocumentError

from fuzz.memory import limit_memory


def main() -> None:
    target = TARGETS[sys.argv.pop(1)]
    corpus = Path(sys.argv[1])
    for number, seed in enumerate(target.seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    dictionary = corpus.with_suffix(".dict")
    quoted = ("".join(f"\\x{byte:02x}" for byte in token) for token in target.tokens)
    dictionary.write_text("".join(f'"{token}"\n' for token in quoted))

    def test_one_input(content: bytes) -> None:
        with suppress(DocumentError):
            target.parse(content)

    limit_memory()
    atheris.Setup([*sys.argv, f"-dict={dictionary}"], test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
