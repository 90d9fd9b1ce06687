"""Answers by a chat service, sentence by sentence; our own wits stand in when it fails, and say so. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from speakerd.server.effects import Outbox
from speakerd.server.history import Item
from speakerd.server.prompts import Sentences, functions, messages
from speakerd.server.response import Response
from speakerd.server.wits.heard import Answer, Call

NO_ANSWER = "My chat service does not answer, so I must do without it."
"""Said once, until it has answered again."""
BROKE_OFF = "There the answer broke off."


class Thinker:
    """One per session."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._told_of_failure = False

    def answer(self, response: Response, items: Sequence[Item], built_in: Callable[[], Answer]) -> None:
        """Ask the service what to say in `response`; `built_in` answers if it cannot."""
        o = response.options
        spoken = Sentences()
        said = 0

        def say(found: list[str], now_s: float) -> None:
            nonlocal said
            for sentence in found:
                said += 1
                response.add(sentence, now_s)

        def done(result: tuple[Call, ...] | Exception, now_s: float) -> None:
            if not isinstance(result, Exception):
                self._told_of_failure = False
                say(spoken.rest(), now_s)
                known = {tool.name for tool in o.tools}
                response.end(now_s, [call for call in result if call.name in known])
            elif said:
                response.say(BROKE_OFF, now_s)
            else:
                self._stand_in(response, built_in(), now_s)

        tools = () if o.tool_choice == "none" else o.tools
        job = self._outbox.think(
            messages(o.told, items), functions(tools), lambda words, now_s: say(spoken.feed(words), now_s), done
        )
        response.wait_for(job)

    def _stand_in(self, response: Response, answer: Answer, now_s: float) -> None:
        words = answer.words if self._told_of_failure else f"{NO_ANSWER} {answer.words}"
        self._told_of_failure = True
        response.say(words, now_s, answer.calls)
