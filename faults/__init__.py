"""Real processes are killed, paused and starved, and a client checks what it was promised.

``make faults`` runs all of it and writes docs/reliability.md; ``faults/tests`` is the short form.
"""
