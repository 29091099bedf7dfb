"""The bucket of raw documents and the collectors' memory, on S3 as moto plays it."""

from datetime import date

import boto3
import pytest
from moto import mock_aws

from quant.collectors.bucket import Bucket, DamagedObjectError
from quant.collectors.raw_store import RawStore
from quant.collectors.state import State, StateStore
from quant.errors import NotFoundError, StoreUnavailableError
from quant.pipeline.raw import DocumentKind, RawDocument

NAME = "raw-documents"
DAY = date(2025, 1, 17)


@pytest.fixture
def s3(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket=NAME)
        client.put_bucket_versioning(Bucket=NAME, VersioningConfiguration={"Status": "Enabled"})
        yield client


@pytest.fixture
def bucket(s3):
    return Bucket(NAME, s3)


@pytest.fixture
def store(bucket):
    return RawStore(bucket)


def scan(doc_id, content=b"%PDF-1.7 scan %%EOF"):
    return RawDocument(DocumentKind.HOUSE_PTR, DAY, content, {"doc-id": doc_id})


def test_a_document_reads_back_as_it_was_stored(store):
    document = RawDocument(
        DocumentKind.HOUSE_PTR, DAY, b"%PDF-", {"url": "https://example.org/1.pdf", "etag": '"a"'}
    )
    assert store.put(document) is True
    assert store.get(document.key) == document


def test_the_same_document_is_stored_once(store, s3):
    assert store.put(scan("1")) is True
    assert store.put(scan("1")) is False
    versions = s3.list_object_versions(Bucket=NAME)["Versions"]
    assert len(versions) == 1


def test_the_same_bytes_of_two_filings_are_two_versions(store, s3):
    assert store.put(scan("1")) is True
    assert store.put(scan("2")) is True
    versions = s3.list_object_versions(Bucket=NAME)["Versions"]
    assert {
        s3.head_object(Bucket=NAME, Key=version["Key"], VersionId=version["VersionId"])["Metadata"][
            "doc-id"
        ]
        for version in versions
    } == {"1", "2"}


def test_metadata_that_s3_would_refuse_is_left_out(store):
    document = RawDocument(
        DocumentKind.HOUSE_PTR,
        DAY,
        b"%PDF-",
        {"etag": "\u00e9", "last-modified": "x" * 3000, "url": "a\r\nb", "doc-id": "1"},
    )
    store.put(document)
    assert store.get(document.key).metadata == {"doc-id": "1"}


def test_an_object_that_is_not_what_its_key_says_is_not_read(store, s3):
    document = scan("1")
    s3.put_object(Bucket=NAME, Key=document.key, Body=b"something else")
    with pytest.raises(DamagedObjectError):
        store.get(document.key)


def test_an_object_too_large_is_not_read(store, s3, monkeypatch):
    monkeypatch.setattr("quant.collectors.bucket.MAX_OBJECT_BYTES", 10)
    s3.put_object(Bucket=NAME, Key="drop/prices/big.csv", Body=bytes(11))
    with pytest.raises(DamagedObjectError):
        store.take_drop("drop/prices/big.csv", DAY)


def test_what_is_not_there_is_not_found(store):
    with pytest.raises(NotFoundError):
        store.get(scan("1").key)


@pytest.mark.parametrize("key", ["state/house.json", "raw/house-ptr/2025-01-17/../x", "raw/"])
def test_other_keys_are_no_documents(store, key):
    with pytest.raises(ValueError, match="raw document"):
        store.get(key)


def test_a_refusal_of_s3_is_an_unavailable_store(s3):
    with pytest.raises(StoreUnavailableError):
        RawStore(Bucket("somebody-elses", s3)).put(scan("1"))


def test_a_dropped_price_file_becomes_a_raw_document(store, s3):
    s3.put_object(Bucket=NAME, Key="drop/prices/2025.csv", Body=b"date,ticker\n")
    document = store.take_drop("drop/prices/2025.csv", DAY)
    assert document.kind is DocumentKind.PRICES
    assert store.get(document.key).content == b"date,ticker\n"
    with pytest.raises(ValueError, match="price file"):
        store.take_drop("state/symbols.json", DAY)


class Count(State):
    number: int = 0


def test_states_are_kept_by_name(bucket, s3):
    states = StateStore(bucket)
    assert states.load("count", Count) == Count()
    states.save("count", Count(number=2))
    assert states.load("count", Count).number == 2
    s3.put_object(Bucket=NAME, Key="state/count.json", Body=b"{not json")
    assert states.load("count", Count) == Count()
