import json
import logging
import pickle
import subprocess
import sys

import pytest
from ml_artifacts_support import PROBABILITY, RETURN, made_up_frame, trained

from quant.errors import StoreUnavailableError
from quant.ml import artifacts, layout
from quant.ml.artifacts import ARTIFACT_UNUSABLE, NoArtifactError, load_champion
from quant.ml.objects import Folder


@pytest.fixture(autouse=True)
def new_process():
    artifacts.forget()
    yield
    artifacts.forget()


class Counted(Folder):
    """A folder that counts what is read."""

    def __init__(self, root):
        super().__init__(root)
        self.read = []

    def get(self, key):
        self.read.append(key)
        return super().get(key)


@pytest.fixture
def objects(tmp_path):
    return Counted(tmp_path)


def published(objects, version, model=RETURN):
    """Keep an artifact of a version, and return it as a candidate."""
    content = trained(model, seed=version).dump()
    digest = layout.sha256(content)
    objects.publish(layout.artifact_key(model, digest), content)
    return version, digest


def path(objects, candidate, model=RETURN):
    return objects.root / layout.artifact_key(model, candidate[1])


def test_champion_is_loaded_and_kept_by_the_process(objects):
    candidates = [published(objects, 3), published(objects, 2)]
    loaded = load_champion(objects, RETURN, candidates)
    assert (loaded.version, loaded.artifact.seed, loaded.skipped) == (3, 3, ())
    read = len(objects.read)
    assert load_champion(objects, RETURN, candidates).artifact is loaded.artifact
    assert len(objects.read) == read


def flipped(content):
    return bytes([content[0] ^ 1]) + content[1:]


DAMAGES = {
    "missing": (lambda path: path.unlink(), "it is missing"),
    "cut": (lambda path: path.write_bytes(path.read_bytes()[:-1]), "is damaged: its SHA-256"),
    "empty": (lambda path: path.write_bytes(b""), "is damaged: its SHA-256"),
    "a bit flipped": (
        lambda path: path.write_bytes(flipped(path.read_bytes())),
        "is damaged: its SHA-256",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_version_before_answers_for_a_champion_that_is_unusable(objects, damage, caplog):
    candidates = [published(objects, version) for version in (3, 2, 1)]
    do, what = DAMAGES[damage]
    do(path(objects, candidates[0]))
    with caplog.at_level(logging.ERROR, logger="quant"):
        loaded = load_champion(objects, RETURN, candidates)
    assert (loaded.version, loaded.artifact.seed) == (2, 2)
    [(version, reason)] = loaded.skipped
    assert version == 3
    assert what in reason
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert (record.event, record.model, record.version) == (ARTIFACT_UNUSABLE, RETURN, 3)
    assert record.sha256 == candidates[0][1]
    assert loaded.artifact.predict(made_up_frame(RETURN)).value.any()


def test_every_damaged_version_is_passed_over(objects, caplog):
    candidates = [published(objects, version) for version in (4, 3, 2)]
    path(objects, candidates[0]).unlink()
    path(objects, candidates[1]).write_bytes(b"{}")
    loaded = load_champion(objects, RETURN, candidates)
    assert loaded.version == 2
    assert [version for version, _ in loaded.skipped] == [4, 3]
    assert [record.version for record in caplog.records] == [4, 3]


def test_every_flipped_bit_is_caught(objects):
    candidate = published(objects, 1)
    whole = path(objects, candidate).read_bytes()
    for place in range(0, len(whole), len(whole) // 40):
        for bit in (0, 6):
            damaged = bytearray(whole)
            damaged[place] ^= 1 << bit
            path(objects, candidate).write_bytes(bytes(damaged))
            with pytest.raises(NoArtifactError):
                load_champion(objects, RETURN, [candidate])


def test_artifact_that_is_whole_but_wrong_is_passed_over(objects):
    before = published(objects, 1)
    candidates = []
    for content in (b"{}", trained(PROBABILITY).dump()):
        digest = layout.sha256(content)
        objects.publish(layout.artifact_key(RETURN, digest), content)
        candidates.append((2, digest))
    loaded = load_champion(objects, RETURN, [*candidates, before])
    assert loaded.version == 1
    assert "format" in loaded.skipped[0][1]
    assert loaded.skipped[1][1] == f"it is an artifact of {PROBABILITY}"


def test_artifact_of_other_formulas_of_features_is_passed_over(objects, monkeypatch):
    candidate = published(objects, 1)
    monkeypatch.setattr(artifacts, "FEATURE_VERSION", artifacts.FEATURE_VERSION + 1)
    with pytest.raises(NoArtifactError):
        load_champion(objects, RETURN, [candidate])


def test_champion_answers_again_once_it_is_restored(objects):
    candidates = [published(objects, 2), published(objects, 1)]
    content = path(objects, candidates[0]).read_bytes()
    path(objects, candidates[0]).unlink()
    assert load_champion(objects, RETURN, candidates).version == 1
    path(objects, candidates[0]).write_bytes(content)
    assert load_champion(objects, RETURN, candidates).version == 2


def test_without_a_usable_version_there_is_no_artifact(objects):
    with pytest.raises(NoArtifactError):
        load_champion(objects, RETURN, [])
    candidate = published(objects, 1)
    path(objects, candidate).unlink()
    with pytest.raises(NoArtifactError, match=RETURN):
        load_champion(objects, RETURN, [candidate])


def test_store_that_cannot_be_reached_blames_no_artifact(objects, caplog):
    class Gone(Folder):
        def get(self, key):
            raise StoreUnavailableError(f"s3, for {key}")

    candidates = [published(objects, 2), published(objects, 1)]
    with pytest.raises(StoreUnavailableError):
        load_champion(Gone(objects.root), RETURN, candidates)
    assert not caplog.records


def test_cache_keeps_the_latest_artifacts(objects, monkeypatch):
    monkeypatch.setattr(artifacts, "_KEPT", 2)
    candidates = [published(objects, version) for version in (1, 2, 3)]
    for candidate in (*candidates, candidates[2]):
        load_champion(objects, RETURN, [candidate])
    assert list(artifacts._cache) == [digest for _, digest in candidates[1:]]


def test_loaded_artifact_outlives_a_snapshot(objects):
    """Nothing in it belongs to a process: it predicts the same after being written and read."""
    loaded = load_champion(objects, RETURN, [published(objects, 1)])
    restored = pickle.loads(pickle.dumps(loaded.artifact))
    frame = made_up_frame(RETURN, seed=5)
    assert restored.predict(frame).value.tolist() == loaded.artifact.predict(frame).value.tolist()


def test_alarm_reads_the_event_of_the_log_line():
    """As JSON, as functions write it; the metric filter compares ``$.event``."""
    code = (
        "import logging\n"
        "from aws_lambda_powertools import Logger\n"
        "from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers\n"
        "logger = Logger(service='test')\n"
        "logging.getLogger('quant')\n"
        "copy_config_to_registered_loggers(logger, include={'quant'})\n"
        "from pathlib import Path\n"
        "from quant.ml.artifacts import NoArtifactError, load_champion\n"
        "from quant.ml.objects import Folder\n"
        "try:\n"
        "    load_champion(Folder(Path('/nowhere')), 'm', [(7, 'f' * 64)])\n"
        "except NoArtifactError:\n"
        "    pass\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    line = json.loads(done.stdout)
    assert (line["event"], line["level"], line["version"]) == ("artifact_unusable", "ERROR", 7)
