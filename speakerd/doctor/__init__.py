"""Finds out why speakerd does not answer: probes measure, judges say what it means.

`examination.examine` runs everything; `probes.echo.reach` tells whether a loudspeaker reaches a microphone.
"""
