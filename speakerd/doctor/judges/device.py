"""What it means that a card does not open. Pure."""

from __future__ import annotations

from speakerd.doctor.finding import Finding, notice, problem
from speakerd.errors import DeviceBusyError, DeviceError

WITHOUT_THE_SERVICE = "sudo systemctl stop speakerd; speakerd doctor; sudo systemctl start speakerd"


def judge(subject: str, error: DeviceError, *, service_runs: bool) -> Finding:
    """`service_runs`: the unit is active, so that a busy card is most likely its own."""
    told = str(error.args[0])
    somebody_else = "is held by" in told and "held by speakerd" not in told
    if isinstance(error, DeviceBusyError) and service_runs and not somebody_else:
        return notice(
            subject,
            "It was not measured: speakerd runs as a service and holds the card.",
            "A card serves one program at a time; that the service has it is good news.",
            WITHOUT_THE_SERVICE,
            busy=True,
        )
    return problem(
        subject,
        f"It does not work: {told}.",
        "Without it speakerd cannot hear." if subject == "microphone" else "Without it speakerd cannot be heard.",
        error.hint or "speakerd devices",
        busy=isinstance(error, DeviceBusyError),
    )
