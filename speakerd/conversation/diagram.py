"""The page `docs/conversation.md`, made from the table: `python -m speakerd.conversation.diagram`."""

from __future__ import annotations

import sys
from collections import defaultdict

from speakerd.conversation.state import MEANING, State
from speakerd.conversation.table import ROWS, Row


def _label(row: Row) -> str:
    return row.event.__name__ + (f" ({row.label})" if row.label else "")


def mermaid() -> str:
    """The state diagram, transitions that change the state only."""
    edges: dict[tuple[State, State], list[str]] = defaultdict(list)
    for row in ROWS:
        for state in State:
            if state in row.states and row.to is not None:
                edges[state, row.to].append(_label(row))
    lines = ["stateDiagram-v2", "    [*] --> IDLE"]
    lines += [f"    {a} --> {b}: {'<br/>'.join(labels)}" for (a, b), labels in edges.items()]
    return "\n".join(lines)


def table() -> str:
    """Every row, also those that keep the state."""
    lines = ["| state | event | next | what happens |", "|---|---|---|---|"]
    for row in ROWS:
        states = "any" if row.states == frozenset(State) else ", ".join(s for s in State if s in row.states)
        act = row.act.__name__.strip("_").replace("_", " ")
        lines.append(f"| {states} | {_label(row)} | {row.to or '='}{' (deadline anew)' if row.rearm else ''} | {act} |")
    return "\n".join(lines)


def page() -> str:
    """The whole page in markdown."""
    states = "\n".join(f"- **{s}**: {MEANING[s]}." for s in State)
    return (
        "# The conversation\n\n"
        "Made from `speakerd/conversation/table.py` by `python -m speakerd.conversation.diagram`; do not edit.\n\n"
        f"{states}\n\n```mermaid\n{mermaid()}\n```\n\n"
        "Rows are tried from the top; the first that fits is taken. What no row lists changes nothing and is counted.\n"
        f"`=` keeps the state.\n\n{table()}\n"
    )


if __name__ == "__main__":
    sys.stdout.write(page())
