"""The lines of a bench: a figure, its goal, and whether it missed that; `all` looks for the word."""

MISSED = "MISSED"


class Table:
    """Prints the lines, and keeps what missed its goal."""

    def __init__(self):
        self.missed = []

    def line(self, name, value, high, low=None, unit="", span=""):
        """`value` must not be over `high`, nor under `low` where that is given; `span` says more of it."""
        good = value <= high and (low is None or low <= value)
        goal = f"at most {high:g}" if low is None else f"{low:g} to {high:g}"
        print(f"{name:<50} {value:9.3f}{unit}{span}   wanted: {goal}{'' if good else f'   {MISSED}'}", flush=True)
        if not good:
            self.missed.append(name)
