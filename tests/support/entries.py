"""What the code writes into the journal, read off its source, and what the message catalog explains."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CATALOG = ROOT / "systemd" / "speakerd.catalog"
LOGGERS = {"log", "_LOG"}
FAULTS = {"warning", "error", "exception", "critical"}
METHODS = FAULTS | {"debug", "info", "log"}


@dataclass(frozen=True)
class Entry:
    """Of the catalog."""

    name: str
    message_id: str
    headers: dict[str, str]
    body: str


def entries(text: str = "") -> list[Entry]:
    """All of the catalog."""
    found = []
    for name, message_id, rest in re.findall(
        r"^# (\w+)\n-- ([0-9a-f]{32})\n(.*?)(?=\n*^# \w+\n--|\Z)", text or CATALOG.read_text(), re.MULTILINE | re.DOTALL
    ):
        head, _, body = rest.partition("\n\n")
        found.append(Entry(name, message_id, dict(line.split(": ", 1) for line in head.splitlines()), body.strip("\n")))
    return found


@dataclass(frozen=True)
class Site:
    """A log call."""

    place: str
    method: str
    event: str
    """Empty if it has none, or one that is chosen while it runs."""
    named: bool
    """It gives an event."""
    fields: frozenset[str]
    """As in the journal, without SPEAKERD_."""

    @property
    def is_fault(self) -> bool:
        """Somebody may have to do something."""
        return self.method in FAULTS

    def __str__(self) -> str:
        return f"{self.place}: {self.event or self.method}"

    @classmethod
    def of(cls, source: str) -> Site:
        """The only one in `source`."""
        (site,) = _sites(ast.parse(source), "here")
        return site


def sites() -> list[Site]:
    """All log calls of the package; one that chooses between kinds counts for each of them."""
    return [
        site
        for path in sorted((ROOT / "speakerd").rglob("*.py"))
        for site in _sites(ast.parse(path.read_text(encoding="utf-8")), str(path.relative_to(ROOT)))
    ]


def _sites(tree: ast.Module, place: str) -> Iterator[Site]:
    for scope in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)] or [
        tree
    ]:
        calls = [node for node in _own(scope) if isinstance(node, ast.Call)]
        assigned = {
            node.targets[0].id: node.value
            for node in _own(scope)
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        }
        for call in calls:
            where = f"{place}:{call.lineno}"
            if _is_log(call):
                extra = next((keyword.value for keyword in call.keywords if keyword.arg == "extra"), None)
                method = "warning" if _may_warn(call) else call.func.attr  # type: ignore[attr-defined]
                yield from _told(where, method, extra, assigned)
            elif isinstance(call.func, ast.Name) and call.func.id in ("_tell", "tell_end"):
                event = call.args[0]
                if isinstance(event, ast.Constant):
                    yield Site(where, "error", event.value, True, frozenset({"EVENT"}))


def _own(scope: ast.AST) -> Iterator[ast.AST]:
    """What is in a scope, without the functions inside it."""
    for node in ast.iter_child_nodes(scope):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
            yield from _own(node)


def _is_log(call: ast.Call) -> bool:
    func = call.func
    if not (isinstance(func, ast.Attribute) and func.attr in METHODS):
        return False
    return isinstance(func.value, ast.Name) and func.value.id in LOGGERS


def _may_warn(call: ast.Call) -> bool:
    """`log.log(WARNING if … else …, …)`."""
    named = {node.attr for node in ast.walk(call.args[0]) if isinstance(node, ast.Attribute)}
    return call.func.attr == "log" and bool(named & {"WARNING", "ERROR", "CRITICAL"})  # type: ignore[attr-defined]


def _told(where: str, method: str, extra: ast.expr | None, assigned: dict[str, ast.expr]) -> Iterator[Site]:
    if isinstance(extra, ast.Name):
        extra = assigned.get(extra.id)
    if not (isinstance(extra, ast.Call) and isinstance(extra.func, ast.Name) and extra.func.id == "fields"):
        yield Site(where, method, "", False, frozenset())
        return
    names = {keyword.arg.upper() for keyword in extra.keywords if keyword.arg}
    for keyword in extra.keywords:
        if keyword.arg is None and isinstance(keyword.value, ast.Name):
            chosen = assigned.get(keyword.value.id)
            if isinstance(chosen, ast.Dict):
                names |= {key.value.upper() for key in chosen.keys if isinstance(key, ast.Constant)}
    event = next(keyword.value for keyword in extra.keywords if keyword.arg == "event")
    if isinstance(event, ast.Name) and event.id in assigned:
        event = assigned[event.id]
    kinds = [event.body, event.orelse] if isinstance(event, ast.IfExp) else [event]
    for kind in kinds:
        name = kind.value if isinstance(kind, ast.Constant) else ""
        yield Site(where, method, name, True, frozenset(names))
