import io
import json
import logging

import pytest
from aws_lambda_powertools import Logger
from hypothesis import given
from hypothesis import strategies as st

from quant.observability import redaction
from quant.observability.invocation import masked, observed
from quant.observability.redaction import mask

JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJlLWNhbmFyeQ"
API_TOKEN = "qat_" + "canary_-A" * 5
WEBHOOK = "whsec_Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5"
CANARIES = {
    JWT: "[jwt]",
    JWT.rpartition(".")[0]: "[jwt]",
    API_TOKEN: "[token]",
    "qrt_" + "canary_-A" * 5: "[token]",
    "qev_" + "canary_-A" * 5: "[token]",
    WEBHOOK: "[token]",
    f"{'0123456789abcdef' * 2}.{'canary_' * 6}A": "[token]",
    "Authorization: Basic Y2FuYXJ5OmNhbmFyeQ==": "Authorization: [authorization]",
    "'authorization': 'canary-of-a-scheme'": "'authorization': '[authorization]'",
    "Bearer canary-canary-canary": "Bearer [authorization]",
    "canary.person@example.org": "[email]",
    "canary%40mail.example.org": "[email]",
    "cänäry@exämple.org": "[email]",
    "canary%2Btag%40example.org": "[email]",
    "203.0.113.77": "203.0.113.0/24",
    "2001:db8:77:77::77": "2001:db8:77::/48",
    "::ffff:203.0.113.77": "::ffff:203.0.113.0/24",
    "postgresql://quant:canary@db:5432/quant": "postgresql://quant:[password]@db:5432/quant",
    "valkey://:canary@db:6379": "valkey://:[password]@db:6379",
    '{"password": "canary canary"}': '{"password": "[password]"}',
    "https://b/x?X-Amz-Signature=canary&a=1": "https://b/x?X-Amz-Signature=[signature]&a=1",
}
HARMLESS = [
    "2026-11-27 00:41:03,117+0000",
    "2026-11-27T00:41:03.117Z",
    "00:41:03",
    "arn:aws:iam::000000000000:role/quant",
    "arn:aws:s3:::bucket/key",
    "trace 1-67891233-abcdef012345678912345678",
    "4d1e3f6a-6a52-4f0e-9d5b-0a1f2b3c4d5e",
    "203.0.113.0/24 and 2001:db8:77::/48",
    "127.0.0.1:5432 and [::1]:5432 and 0.0.0.0",
    "token refused: not the Bearer scheme",
    "std::vector and Class::method",
    "version 1.2.3",
    "the password is too short",
    "authorizer.jwt",
]


@pytest.mark.parametrize(("canary", "shown"), CANARIES.items())
def test_canary_is_masked_in_whatever_it_is_in(canary, shown):
    assert mask(canary) == shown
    for before, after in (("", " "), ("user ", ", tried"), ("(", ")"), ("x\n", "\ny")):
        assert mask(f"{before}{canary}{after}") == f"{before}{shown}{after}"


@pytest.mark.parametrize("canary", CANARIES)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_a_line_of_json_stays_one(canary, ascii_only):
    line = json.dumps({"message": f"é\n{canary}\n\t{canary}"}, ensure_ascii=ascii_only)
    shown = json.loads(mask(line))["message"]
    assert canary not in shown
    assert mask(shown) == shown


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_harmless_stays(text):
    assert mask(text) == text


@given(st.text(st.sampled_from('eyJ.@%40:/\\n"qat_AB12é\n ='), max_size=200))
def test_whatever_a_document_holds_it_stays_a_document(text):
    assert isinstance(json.loads(mask(json.dumps({"message": text})))["message"], str)


@pytest.mark.parametrize("piece", ["a", "1.", ":", "a@", "eyJ", "qat_", "://", "1:", "%40", "a.b@"])
def test_long_text_of_a_client_takes_no_quadratic_time(piece):
    # Of quadratic time it would take hours.
    mask(piece * (1_000_000 // len(piece)))


def raise_with(canary):
    try:
        raise KeyError(canary)
    except KeyError as error:
        raise RuntimeError(f"outer {canary}") from error


@pytest.mark.parametrize("canary", CANARIES)
def test_every_logger_of_the_process_is_masked(canary):
    redaction.install()
    redaction.install()  # once is enough
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    third_party = logging.getLogger("some.library")
    third_party.addHandler(handler)
    logger = Logger(service=f"service {id(stream)}", stream=stream)
    try:
        third_party.warning("%s %r", canary, {"key": canary})
        logger.info(canary, field=canary, nested={"list": [canary]})
        for each in (third_party, logger):
            try:
                raise_with(canary)
            except RuntimeError:
                each.exception("failed")
    finally:
        third_party.removeHandler(handler)
    written = stream.getvalue()
    assert written.count("RuntimeError") >= 2
    assert canary not in written
    # Escapes would hide it from the search above.
    assert canary not in written.encode().decode("unicode_escape", "ignore")


def test_an_error_that_escapes_a_function_is_masked_and_keeps_its_name():
    class OddError(Exception):
        pass

    error = OddError("about canary.person@example.org")
    safe = masked(error)
    assert type(safe).__name__ == "OddError"
    assert str(safe) == "about [email]"
    harmless = OddError("about nobody")
    assert masked(harmless) is harmless


class Context:
    aws_request_id = "invocation-id"


def test_lines_of_an_event_function_name_what_caused_it():
    stream = io.StringIO()
    logger = Logger(service=f"service {id(stream)}", stream=stream)

    @observed(logger)
    def handler(event, _context):
        logger.info("in")
        if event.get("fails"):
            msg = "about canary.person@example.org"
            raise LookupError(msg)
        return "done"

    assert handler({"Records": [{"messageId": "a"}, {"messageId": "b"}]}, Context()) == "done"
    assert handler({"id": "event", "source": "aws.events"}, None) == "done"
    with pytest.raises(Exception, match=r"about \[email\]") as raised:
        handler({"run": "r", "fails": True}, Context())
    assert raised.type.__name__ == "LookupError"
    logger.info("after")
    first, second, third, after = map(json.loads, stream.getvalue().splitlines())
    assert first["function_request_id"] == "invocation-id"
    assert first["message_ids"] == ["a", "b"]
    assert [line["cold_start"] for line in (first, second, third)] == [True, False, False]
    assert second["event_id"] == "event"
    assert third["run"] == "r"
    assert not {"message_ids", "run", "function_request_id"} & after.keys()
