"""What was received, written, heard and cut."""

from __future__ import annotations

from speakerd.conversation.events import ItemHeard
from speakerd.speaker.account import Account

RATE = 24_000


def test_what_was_heard_of_what_was_cut():
    account = Account(RATE)
    whole = account.receive("whole", 480, 480)
    account.write(whole, 0, 480)
    half = account.receive("half", 480, 480)
    account.write(half, 480, 240)
    account.receive("never", 240, 240)
    account.written = 720
    assert (account.in_card, account.first_in_card, account.end_in_card) == (True, "whole", 720)
    account.hear(600)
    assert account.first_in_card == "half"
    account.cut()
    account.hear(720)
    assert account.settle() == (ItemHeard("half", 10, 20), ItemHeard("never", 0, 10))
    assert account.settle() == ()
    assert (account.in_card, account.end_in_card) == (False, 0)


def test_heard_never_goes_back_save_by_a_drop():
    account = Account(RATE)
    item = account.receive("a", 480, 480)
    account.write(item, 0, 480)
    account.written = 480
    account.hear(300)
    account.hear(200)
    assert account.heard == 300
    account.drop(380)
    assert account.heard == account.written == 100


def test_what_a_lost_card_took_is_waited_for_by_nobody():
    account = Account(RATE)
    account.write(account.receive("a", 480, 480), 0, 480)
    account.written = 480
    account.complete()
    account.hear(100)
    account.drop(380)
    account.cut()
    assert account.settle() == ()
