"""Features as arrays beside the same features as Parquet."""

import json
import subprocess
import sys
from datetime import date

import numpy as np
import pytest
from ml_feature_support import DATASET, synthetic_tables, write_snapshot

from quant.collectors.bucket import DamagedObjectError
from quant.errors import NotFoundError
from quant.ml.catalogue import Subject
from quant.ml.features.build import build
from quant.ml.features.read import read
from quant.ml.objects import Folder
from quant.ml.serving import arrays

MANIFEST = f"features/{DATASET}/arrays.json"


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    folder = Folder(tmp_path_factory.mktemp("objects"))
    write_snapshot(folder, synthetic_tables(days=500, trades=600))
    build(folder, DATASET)
    arrays.write(folder, DATASET)
    return folder


def same(given, expected):
    """That all columns are equal, bit for bit."""
    assert (given.subject, given.dataset) == (expected.subject, expected.dataset)
    assert given.names == expected.names
    pairs = [(given.as_of, expected.as_of), (given.x, expected.x)]
    for mine, others in (
        (given.keys, expected.keys),
        (given.labels, expected.labels),
        (given.known_on, expected.known_on),
    ):
        assert mine.keys() == others.keys()
        pairs += [(mine[name], others[name]) for name in others]
    for mine, others in pairs:
        assert mine.shape == others.shape
        assert mine.dtype.kind == others.dtype.kind
        np.testing.assert_array_equal(mine, others)


@pytest.mark.parametrize("subject", Subject)
def test_arrays_are_the_features(objects, subject):
    everything = read(objects, DATASET, subject)
    assert len(everything)
    same(arrays.read(objects, DATASET, subject), everything)
    # Within a month, so that rows of its file are left out.
    first = everything.as_of[len(everything) // 2].astype(object)
    later = arrays.read(objects, DATASET, subject, first=first)
    same(later, read(objects, DATASET, subject, first=first))
    assert 0 < len(later) < len(everything)


def test_no_rows_have_the_same_columns(objects):
    for subject in Subject:
        nothing = arrays.read(objects, DATASET, subject, first=date(2100, 1, 1))
        assert len(nothing) == 0
        same(nothing, read(objects, DATASET, subject, first=date(2100, 1, 1)))


def test_what_is_written_is_not_written_again(objects, monkeypatch):
    monkeypatch.setattr(arrays, "_write", None)
    arrays.write(objects, DATASET)


def test_the_same_features_give_the_same_bytes(objects):
    before = objects.get(MANIFEST)
    (objects.root / MANIFEST).unlink()
    arrays.write(objects, DATASET)
    assert objects.get(MANIFEST) == before


def test_damaged_arrays_are_refused(objects):
    files = json.loads(objects.get(MANIFEST))[Subject.POLITICIAN]["files"]
    key = files[max(files)]["key"]
    content = objects.get(key)
    try:
        objects.put(key, content[:-1] + bytes([content[-1] ^ 1]))
        with pytest.raises(DamagedObjectError):
            arrays.read(objects, DATASET, Subject.POLITICIAN)
    finally:
        objects.put(key, content)


def test_without_arrays_nothing_is_read(objects):
    with pytest.raises(NotFoundError, match="not written as arrays"):
        arrays.read(objects, "v2-f1", Subject.POLITICIAN)


def test_requests_do_without_duckdb():
    """Which would be most of a second of a cold start, and is in none of their layers."""
    script = (
        "import sys; sys.modules['duckdb'] = None; import quant.ml.serving.politician;"
        "print(sorted(name for name in sys.modules if 'duckdb' in name))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "['duckdb']"
