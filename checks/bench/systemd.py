"""Reads what systemd-analyze says of a start."""

import re

UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1, "min": 60}


def seconds(text):
    """Of a span like `1min 2.345s` or `987ms`."""
    return sum(float(number) * UNITS[unit] for number, unit in re.findall(r"([0-9.]+)(us|ms|min|s)\b", text))


def finished(text):
    """Seconds of `Startup finished in 123ms (userspace)` and the like, of user space alone."""
    part = text.split("finished in ")[1].splitlines()[0]
    return seconds(part.split("=")[-1])


def reached(text, unit):
    """Seconds of `UNIT reached after 123ms in userspace.`"""
    return seconds(text.split(f"{unit} reached after ")[1].split(" in userspace")[0])
