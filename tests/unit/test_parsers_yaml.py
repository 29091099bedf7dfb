import gzip

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from quant.parsers.model import DocumentError
from quant.parsers.yaml import load_yaml

# What congress-legislators holds: scalars below lists and mappings with texts for keys.
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.dates())
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(DOCUMENTS)
def test_plain_documents_come_back(document):
    assert load_yaml(yaml.safe_dump([document, document]).encode()) == [document, document]


@pytest.mark.parametrize(
    "text",
    [
        "a: 1",
        "- 0x1f\n- 1_000\n- 1.5\n- .inf",
        "x: yes\ny: 'yes'",
        "day: 2020-01-31",
        "a:\n- b",
        "a: &x [1, &y 2]\nb: *x\nc: *y",
    ],
)
def test_scalars_mean_what_the_safe_loader_says(text):
    assert load_yaml(text.encode()) == yaml.safe_load(text)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a: *x", "not_this_format"),
        (b"&x [*x]", "not_this_format"),
        (b"a: &x {b: 1}\nc:\n  <<: *x", "forbidden_content"),
        (b"<<: {a: 1}", "forbidden_content"),
        (b"!!python/object/apply:os.system [id]", "forbidden_content"),
        (b"!!int ''", "forbidden_content"),
        (b"? [a]\n: b", "forbidden_content"),
        (b"- =", "forbidden_content"),
        (b"[" * 100_000, "too_large"),
        (b"- " * 40 + b"x", "too_large"),
        (b" " * (64 << 20) + b"a", "too_large"),
        (b"a: 2020-02-31", "not_this_format"),
        (b"a: b: c", "not_this_format"),
        (b"a: \x00", "not_this_format"),
        (b"\xff\xff\xff", "not_this_format"),
        (b"", "not_this_format"),
        (b"a\n---\nb", "not_this_format"),
    ],
)
def test_dangerous_and_unreadable_documents_are_refused(content, reason):
    with pytest.raises(DocumentError) as error:
        load_yaml(content)
    assert error.value.reason == reason


def test_an_alias_counts_as_what_it_stands_for():
    laughs = ["a0: &a0 [lol, lol]"]
    laughs += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    with pytest.raises(DocumentError) as error:
        load_yaml("\n".join(laughs).encode())
    assert error.value.reason == "too_large"


@pytest.mark.realdata
def test_the_real_files_read_as_with_the_safe_loader(data_dir):
    for path in sorted((data_dir / "legislators").glob("*.yaml.gz")):
        content = gzip.decompress(path.read_bytes())
        assert load_yaml(content) == yaml.load(content, Loader=yaml.CSafeLoader)
