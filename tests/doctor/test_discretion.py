"""What belongs to the user alone stays with the user."""

from __future__ import annotations

import pytest

from speakerd.doctor.discretion import Discretion
from speakerd.doctor.finding import problem

KEY = "topsecretKEY"
DISCRETION = Discretion([KEY], {"kitchen": "[this machine]", "anna": "[user]", "/srv/anna": "~", "a": "!"})


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"refused {KEY}x", "refused ***x"),
        ("Bearer sk-proj-abcdefgh1234", "Bearer sk-***"),
        ("/home/anna/voice.wav", "~/voice.wav"),
        ("/home/bob's/x", "~'s/x"),
        ("/root/notes and /rooted", "~/notes and /rooted"),
        ("/srv/anna/x", "~/x"),
        ("kitchen: no route", "[this machine]: no route"),
        ("kitchenette kitchen-2", "kitchenette kitchen-2"),
        ("connect to 192.168.7.31:8000", "connect to [address]:8000"),
        ("8.8.8.8.", "[address]."),
        ("127.0.0.1 and ::1 stay", "127.0.0.1 and ::1 stay"),
        ("version 1.2.3 and 6.12.25-rpi", "version 1.2.3 and 6.12.25-rpi"),
        ("fe80::1ff:fe23:4567:890a%eth0 x", "[address] x"),
        ("2001:db8:0:0:0:0:2:1", "[address]"),
        ("at 05:12:33 on pci-0000:01:00.0-usb-0:1.3:1.0", "at 05:12:33 on pci-0000:01:00.0-usb-0:1.3:1.0"),
        ("b8:27:eb:12:34:56", "[hardware address]"),
        ("a stays", "a stays"),
    ],
)
def test_texts(text, shown):
    assert DISCRETION.text(text) == shown


def test_every_part_of_a_finding_is_cleaned():
    finding = problem("x", f"a {KEY}", f"b {KEY}", f"c {KEY}", text=f"d {KEY}", number=7)
    cleaned = DISCRETION.clean(finding)
    assert KEY not in repr(cleaned)
    assert cleaned.figures == {"text": "d ***", "number": 7}
    assert cleaned.subject == "x"
