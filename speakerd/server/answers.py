"""The assistant's side of a session: which responses run, and what each of them says. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from speakerd.server.audio import FORMATS
from speakerd.server.effects import Outbox
from speakerd.server.history import History, Item
from speakerd.server.items import ItemReference
from speakerd.server.options import ResponseOptions
from speakerd.server.reading import Reading
from speakerd.server.requests import RequestError, ResponseParams
from speakerd.server.response import Response
from speakerd.server.settings import FunctionTool, NamedMcp, SessionSettings
from speakerd.server.thinker import Thinker
from speakerd.server.usage import InputTokens
from speakerd.server.wits import tools
from speakerd.server.wits.chat import GREETING
from speakerd.server.wits.decide import decide, dictated, is_for_rules
from speakerd.server.wits.heard import Answer, Call, Memory
from speakerd.server.wits.outputs import answer_from_output

MAX_ASIDE = 4
"""Responses out of band at a time."""


class Answers:
    """One per session. At most one response of the conversation at a time, and a few beside it."""

    def __init__(
        self,
        outbox: Outbox,
        history: History,
        wall_clock: Callable[[], datetime],
        hearing: Callable[[], bool],
        on_done: Callable[[Response, float], None],
        *,
        chat: bool = False,
        notice: str = "",
    ) -> None:
        """`hearing` tells that a turn's words are still missing; `on_done` is called when `active` has ended.

        `notice` is said before the first answer.
        """
        self.active: Response | None = None
        self.spoke = False
        """True once sound was sent: the voice is settled."""
        self._outbox = outbox
        self._history = history
        self._wall_clock = wall_clock
        self._hearing = hearing
        self._on_done = on_done
        self._conversation_id = outbox.new_id("conv")
        self._aside: list[Response] = []
        self._memory = Memory()
        self._notice = notice
        self._thinker = Thinker(outbox) if chat else None
        self._prompts: dict[str, str] = {}
        self._reading = Reading()

    @property
    def deadline_s(self) -> float | None:
        """When `tick` is due."""
        due = [r.deadline_s for r in self._all()]
        return min((d for d in due if d is not None), default=None)

    def create(self, settings: SessionSettings, params: ResponseParams, *, prompt: str = "") -> None:
        """Begin a response; `prompt` is said instead of an answer."""
        aside = params.conversation == "none"
        if aside and len(self._aside) >= MAX_ASIDE:
            raise RequestError("too_many_responses", f"At most {MAX_ASIDE} responses out of band at a time.")
        if not aside and self.active is not None:
            message = (
                f"Conversation already has an active response in progress: {self.active.id}. "
                "Wait until the response is finished before creating a new one."
            )
            raise RequestError("conversation_already_has_active_response", message)
        options = self._options(settings, params, None if aside else self._conversation_id)
        response = Response(
            self._outbox, options, self._history, self._input_tokens(settings, params, options), self._done
        )
        self._outbox.event("rate_limits.updated", rate_limits=[])  # there are none
        self._prompts[response.id] = prompt
        if aside:
            self._aside.append(response)
        else:
            self.active = response

    def cancel(self, response_id: str | None, now_s: float) -> None:
        """`response.cancel`."""
        running = {r.id: r for r in self._all()}
        response = self.active if response_id is None else running.get(response_id)
        if response is None:
            raise RequestError("response_cancel_not_active", "Cancellation failed: no active response found")
        response.cancel("client_cancelled", now_s)

    def interrupt(self, now_s: float) -> None:
        """The user began to speak."""
        if self.active is not None:
            self.active.cancel("turn_detected", now_s)

    def tick(self, now_s: float) -> None:
        """Send what is due, decide what can be decided (the end of one response may begin another)."""
        for response in self._all():
            response.tick(now_s)
            self.spoke = self.spoke or response.ends_playing_s > 0
        while not self._hearing():
            unplanned = next((r for r in self._all() if not r.planned), None)
            if unplanned is None:
                break
            self._plan(unplanned, now_s)

    def _all(self) -> list[Response]:
        return [*([self.active] if self.active else []), *self._aside]

    def _done(self, response: Response, now_s: float) -> None:
        self.spoke = self.spoke or response.ends_playing_s > 0
        self._prompts.pop(response.id, None)
        if response is self.active:
            self.active = None
            self._on_done(response, now_s)
        elif response in self._aside:
            self._aside.remove(response)

    def _options(
        self, settings: SessionSettings, params: ResponseParams, conversation_id: str | None
    ) -> ResponseOptions:
        output = settings.audio.output
        asked = params.audio.output if params.audio else None
        voice = (asked.voice if asked else None) or output.voice
        if self.spoke and voice != output.voice:
            raise cannot_update_voice()
        choice = settings.tool_choice if params.tool_choice is None else params.tool_choice
        tools_of_client = settings.tools if params.tools is None else params.tools
        return ResponseOptions(
            audio=(params.output_modalities or settings.output_modalities) == ["audio"],
            format=FORMATS[((asked.format if asked else None) or output.format).type],
            voice=voice if isinstance(voice, str) else voice.model_dump(),
            speed=output.speed,
            max_output_tokens=params.max_output_tokens or settings.max_output_tokens,
            metadata=params.metadata,
            tools=tuple(tool for tool in tools_of_client if isinstance(tool, FunctionTool)),
            tool_choice="none" if isinstance(choice, NamedMcp) else choice,
            conversation_id=conversation_id,
            input_items=None if params.input is None else self._input(params),
            instructions=params.instructions or "",
            told=settings.instructions if params.instructions is None else params.instructions,
        )

    def _input(self, params: ResponseParams) -> tuple[Item, ...]:
        """The items that the client gives a response to read, or names."""
        items: list[Item] = []
        for place, param in enumerate(params.input or ()):
            if not isinstance(param, ItemReference):
                wire = {"id": f"input_{place}", **param.model_dump(exclude_none=True)}
                items.append(Item(wire, words=words_of(wire)))
            elif (item := self._history.find(param.id)) is not None:
                items.append(item)
            else:
                message = f"The item with id '{param.id}' does not exist."
                raise RequestError("invalid_value", message, f"response.input[{place}].id")
        return tuple(items)

    def _input_tokens(self, settings: SessionSettings, params: ResponseParams, options: ResponseOptions) -> InputTokens:
        """The instructions, the tools and the history; what the response before read as well is cached."""
        instructions = settings.instructions if params.instructions is None else params.instructions
        head = instructions + "".join(tool.model_dump_json() for tool in options.tools)
        if options.input_items is not None:
            return self._reading.aside(head, options.input_items)
        read = self._reading.aside if options.conversation_id is None else self._reading.history
        return read(head, self._history.items, settings.truncation)

    def _plan(self, response: Response, now_s: float) -> None:
        options = response.options
        items = list(self._history.items if options.input_items is None else options.input_items)
        if self._notice and options.conversation_id is not None:
            response.add(self._notice, now_s)
            self._notice = ""
        last = items[-1] if items else None
        if words := self._prompts.get(response.id) or dictated(options.instructions):
            response.say(words, now_s)
        elif last is not None and last.wire["type"] == "function_call_output":
            self._think(response, items, lambda: Answer(self._from_outputs(items)), now_s)
        elif last is not None and last.wire.get("role") == "user":
            self._answer(response, items, now_s)
        elif order := self._ordered(options):
            response.say("", now_s, [order])
        elif any(item.wire.get("role") == "user" for item in items):
            response.say("I have nothing to add.", now_s)
        else:
            response.say(GREETING, now_s)

    def _think(self, response: Response, items: Sequence[Item], built_in: Callable[[], Answer], now_s: float) -> None:
        """Answer by the chat service if there is one, else by our own wits."""
        if self._thinker is None:
            answer = built_in()
            response.say(answer.words, now_s, answer.calls)
            return
        self._thinker.answer(response, items, built_in)

    def _ordered(self, options: ResponseOptions) -> Call | None:
        """The call that the instructions of this one response demand ("Call get_weather for Berlin.")."""
        forbidden = options.tool_choice == "none"
        return None if forbidden else tools.choose(options.instructions, options.tools, "auto")

    def _answer(self, response: Response, items: Sequence[Item], now_s: float) -> None:
        item, o = items[-1], response.options
        if not item.words and any(part["type"] == "input_image" for part in item.wire["content"]):
            response.say("I cannot see pictures.", now_s)
            return

        def built_in() -> Answer:
            return decide(item.words, self._wall_clock(), self._memory, o.tools, o.tool_choice)

        if is_for_rules(item.words):
            answer = built_in()
            response.say(answer.words, now_s, answer.calls)
        else:
            self._think(response, items, built_in, now_s)

    def _from_outputs(self, items: list[Item]) -> str:
        """What the functions said whose outputs stand at the end of the conversation, in their order."""
        outputs: list[str] = []
        for item in reversed(items):
            if item.wire["type"] != "function_call_output":
                break
            outputs.insert(0, answer_from_output(item.wire["output"]))
        self._memory.last_reply = " ".join(outputs[-8:])
        return self._memory.last_reply


def words_of(wire: dict[str, object]) -> str:
    """The words that an item of the client brings along."""
    content = wire.get("content")
    parts = content if isinstance(content, list) else []
    return " ".join(str(part.get("text") or part.get("transcript") or "") for part in parts).strip()


def cannot_update_voice() -> RequestError:
    """The voice is settled once it was heard."""
    return RequestError("cannot_update_voice", "Cannot update a conversation's voice if assistant audio is present.")
