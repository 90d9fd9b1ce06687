"""What a process takes: memory, descriptors, threads, time."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Vitals:
    """Of one process."""

    rss_mb: float
    descriptors: int
    threads: int
    cpu_s: float

    @classmethod
    def of(cls, pid: int) -> Vitals:
        """As they are now."""
        proc = Path("/proc") / str(pid)
        status = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines() if ":" in line)
        times = (proc / "stat").read_text().rsplit(")", 1)[1].split()
        cpu_s = (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")
        descriptors = len(list((proc / "fd").iterdir()))
        return cls(int(status["VmRSS"].split()[0]) / 1024, descriptors, int(status["Threads"]), cpu_s)

    def __str__(self) -> str:
        """A row of a table."""
        return f"| {self.rss_mb:.1f} | {self.descriptors} | {self.threads} | {self.cpu_s:.1f} |"
