"""Every parser of ours, given what nobody would send by mistake: it must not raise but as it says, nor take long.

``python -m tests.fuzz --minutes 10 --seed 1`` (or ``make fuzz``) goes through all targets; the same seed tries the same inputs.
"""
