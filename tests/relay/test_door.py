"""What is read off a request."""

from __future__ import annotations

import pytest

from speakerd.relay.door import Visit, read
from speakerd.relay.refusals import Refusal


def visit(path: str = "/v1/realtime", authorization: tuple[str, ...] = (), offered: tuple[str, ...] = ()) -> Visit:
    found = read(path, authorization, offered, "usual")
    assert isinstance(found, Visit)
    return found


def test_the_model_of_the_url_else_the_usual_one() -> None:
    assert visit("/v1/realtime?model=gpt%2Frealtime").model == "gpt/realtime"
    assert visit().model == "usual"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 404),
        ("/v1/realtime/x", 404),
        ("//[/v1/realtime", 404),
        ("/v1/realtime?model=a&model=b", 400),
        ("/v1/realtime?model=" + 201 * "a", 400),
        ("/v1/realtime?model=a%0d%0aX-Evil:1", 400),
        ("/v1/realtime?call_id=rtc_1", 400),
        ("/v1/realtime?model=a&intent=", 400),
    ],
)
def test_what_is_not_asked_like_that(path: str, status: int) -> None:
    found = read(path, (), (), "usual")
    assert isinstance(found, Refusal)
    assert found.status == status


def test_the_token_of_the_header_else_of_the_subprotocol() -> None:
    assert visit(authorization=("Bearer one",)).secret == "one"
    assert visit(authorization=("bearer  one ",)).secret == "one"
    assert visit(authorization=("Basic abc",)).secret == ""
    offered = ("realtime, openai-insecure-api-key.two", "openai-beta.realtime-v1,openai-project.p")
    found = visit(offered=offered)
    assert found.secret == "two"
    assert found.subprotocols == ("realtime", "openai-beta.realtime-v1")
    assert visit(authorization=("Bearer one",), offered=offered).secret == "one"


def test_it_does_not_show_the_token() -> None:
    assert "one" not in repr(visit(authorization=("Bearer one",)))
