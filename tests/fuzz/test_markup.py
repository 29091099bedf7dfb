"""Mutated pages, indexes, YAML files and archives: read, or refused with a reason."""

import importlib.util
import json
import re
import subprocess
import sys
from dataclasses import asdict, is_dataclass
from pathlib import Path

import pytest
from fuzz.markup_targets import TARGETS
from fuzz.memory import NO_LIMIT_OF_LIBFUZZER
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quant.parsers.model import DocumentError

MUTATED = 600  # documents a target, by Hypothesis
GUIDED = 700  # documents a target, by atheris


@st.composite
def edits(draw, tokens):
    """A change of a document, as a function of it."""
    place, width = draw(st.floats(0, 1)), draw(st.integers(0, 40))
    kind = draw(st.sampled_from(("flip", "delete", "insert", "repeat", "truncate", "zero")))
    inserted = draw(st.sampled_from(tokens) | st.binary(max_size=8))
    times = draw(st.integers(1, 50))
    bits = draw(st.integers(1, 255))

    def edit(content):
        start = int(place * len(content))
        end = min(len(content), start + width)
        middle = {
            "flip": bytes(byte ^ bits for byte in content[start : start + 1])
            + content[start + 1 : end],
            "delete": b"",
            "insert": inserted * times + content[start:end],
            "repeat": content[start:end] * times,
            "truncate": b"",
            "zero": b"\x00" * (end - start),
        }[kind]
        return content[:start] + middle + (b"" if kind == "truncate" else content[end:])

    return edit


def assert_storable(result):
    """PostgreSQL text has neither NUL nor halves of surrogate pairs."""
    results = result if isinstance(result, tuple) else (result,)
    if all(is_dataclass(item) for item in results):
        text = json.dumps([asdict(item) for item in results], default=str, ensure_ascii=False)
        assert b"\\u0000" not in text.encode()


@pytest.mark.parametrize("name", TARGETS)
def test_mutated_documents_are_read_or_refused(name):
    target = TARGETS[name]
    read = refused = 0

    @settings(
        max_examples=MUTATED,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        seed=st.sampled_from(target.seeds),
        changes=st.lists(edits(target.tokens), min_size=1, max_size=6),
    )
    def parse(seed, changes):
        nonlocal read, refused
        content = seed
        for change in changes:
            content = change(content)
        try:
            result = target.parse(content)
        except DocumentError:
            refused += 1
        else:
            read += 1
            assert_storable(result)

    parse()
    assert read + refused >= MUTATED
    # Were all refused at the door, or none, nothing would have been tested behind it.
    assert min(read, refused) > MUTATED // 100


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris has no wheel here")
@pytest.mark.parametrize("name", TARGETS)
def test_guided_mutations_escape_as_nothing_but_a_refusal(name, tmp_path):
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    harness = Path(__file__).with_name("markup_harness.py")
    limits = (f"-runs={GUIDED}", "-seed=1", "-max_len=20000", "-timeout=20", NO_LIMIT_OF_LIBFUZZER)
    result = subprocess.run(
        [sys.executable, str(harness), name, str(corpus), *limits],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert result.returncode == 0, result.stderr[-4000:]
    done = re.search(r"Done (\d+) runs", result.stderr)
    assert done is not None, result.stderr[-4000:]
    assert int(done[1]) >= GUIDED
