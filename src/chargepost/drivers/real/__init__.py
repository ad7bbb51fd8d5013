"""Drivers of real instruments, on the event loop.

Each keeps its own wire: it asks at its own rhythm and remembers what it last heard, so that the methods of its port
answer at once. Libraries are imported when the first instrument that needs them is opened.
"""
