"""What the rows of the table do: each changes the facts and returns the orders that follow. Pure.

All have the same shape: the facts, the event, the time in CLOCK_MONOTONIC seconds.
"""
