import os
import signal
import threading
import zlib
from contextlib import suppress

import pytest
from synthetic_ptr import PtrLine, pdf, ptr_pdf

from quant.parsers import pdf_process
from quant.parsers.model import DocumentError, Unreadable
from quant.parsers.pdf import MAX_BYTES, read_pdf
from quant.parsers.pdf_process import PdfReader


@pytest.fixture
def reader():
    reader = PdfReader()
    yield reader
    reader.close()


def test_the_process_reads_what_the_library_reads(reader):
    content = ptr_pdf([PtrLine(ticked=True)] * 20)
    assert reader.read(content) == read_pdf(content)


def test_one_process_reads_many_documents(reader):
    reader.read(ptr_pdf([PtrLine()]))
    process = reader._process
    with pytest.raises(DocumentError):
        reader.read(b"not a PDF")
    reader.read(ptr_pdf([PtrLine()]))
    assert reader._process is process


def test_a_killed_process_is_replaced(reader):
    content = ptr_pdf([PtrLine()])
    expected = reader.read(content)
    os.kill(reader._process.pid, signal.SIGKILL)
    assert reader.read(content) == expected


def test_the_process_ends_with_its_requests(reader):
    reader.read(ptr_pdf([PtrLine()]))
    process = reader._process
    process.stdin.close()  # as when the caller is killed
    assert process.wait() == 0


def test_a_document_that_ends_two_processes_is_damaged(reader, monkeypatch):
    monkeypatch.setattr(pdf_process.sys, "executable", "/bin/true")
    with pytest.raises(DocumentError) as refused:
        reader.read(ptr_pdf([PtrLine()]))
    assert refused.value.reason == Unreadable.DAMAGED


def test_a_document_that_takes_too_long_is_given_up():
    reader = PdfReader(time_limit_s=0.0)
    with pytest.raises(DocumentError) as refused:
        reader.read(ptr_pdf([PtrLine()]))
    assert refused.value.reason == Unreadable.TOO_LARGE
    assert reader._process is None


def test_threads_take_turns(reader):
    documents = [ptr_pdf([PtrLine()] * count) for count in range(1, 6)]
    answers = {}

    def read(number):
        answers[number] = reader.read(documents[number])

    threads = [threading.Thread(target=read, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answers[number] for number in range(5)] == [read_pdf(each) for each in documents]


def test_more_bytes_than_the_limit_are_refused(reader):
    with pytest.raises(DocumentError) as refused:
        reader.read(b"%PDF-1.4" + bytes(MAX_BYTES))
    assert refused.value.reason == Unreadable.TOO_LARGE


@pytest.mark.parametrize("unit", [b"BT /F1 1 Tf (" + b"a" * 60 + b") Tj ET\n", b"0 0 m 1 1 l S\n"])
def test_more_content_than_the_limits_is_refused(reader, unit):
    with pytest.raises(DocumentError) as refused:
        reader.read(pdf([unit * 220_000]))
    assert refused.value.reason == Unreadable.TOO_LARGE


def test_a_compression_bomb_takes_the_process_not_the_caller(reader):
    bomb = zlib.compress(zlib.compress(bytes(2**30), 1), 9)
    page = ptr_pdf([PtrLine()])
    content = pdf([b""]).replace(
        b"/Filter/FlateDecode>>stream\n" + zlib.compress(b""),
        b"/Filter[/FlateDecode/FlateDecode]>>stream\n" + bomb,
    )
    assert bomb in content
    with suppress(DocumentError):  # PDFium may also leave the stream undecoded
        reader.read(content)
    assert reader.read(page) == read_pdf(page)
