"""The lines of a bench: a figure, its goal, and whether it missed that; `all` looks for the word."""

MISSED = "MISSED"


class Table:
    """Prints the lines, and keeps what missed its goal."""

    def __init__(self):
        self.missed = []

    def line(self, name, value, high, low=0, unit="", span=""):
        """`value` must lie between `low`, if any, and `high`; `span` says more of it."""
        good = value <= high and (low is None or low <= value)
        goal = f"{low:g} to {high:g}" if low else f"at most {high:g}"
        print(f"{name:<50} {value:9.3f}{unit}{span}   wanted: {goal}{'' if good else f'   {MISSED}'}", flush=True)
        if not good:
            self.missed.append(name)
