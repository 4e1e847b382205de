"""The kinds of results, and the format of their figures."""

from dataclasses import asdict, dataclass


@dataclass
class Row:
    """A comparison. `ratio` is our value divided by the peer's. `met` is None if there is no promise. `timed` means that it depends on this machine
    and run."""

    what: str
    ours: str
    peer: str = ""
    ratio: float | None = None
    to_reach: str = ""
    met: bool | None = None
    timed: bool = False


@dataclass
class Growth:
    """How a cost grows: points of (how many, cost). `unit` names the cost."""

    what: str
    unit: str
    points: list


@dataclass
class Bars:
    """A part of the chart: names and values of one unit."""

    title: str
    unit: str
    bars: list


def as_json(found):
    """Returns the results by kind: {"rows": […], "growth": […], "bars": […]}."""
    kinds = {"rows": Row, "growth": Growth, "bars": Bars}
    return {name: [asdict(one) for one in found if isinstance(one, kind)] for name, kind in kinds.items()}


def timed(what, name, ours, peer, most=None):
    """Returns two rows for a pair of `Times` (stage.py): wall time, with the ratio to reach, and CPU time."""
    wall, processor = ours.wall / peer.wall, ours.processor / peer.processor
    reach, met = ("", None) if most is None else (f"at most {most}", wall <= most)
    return [
        Row(what, ms(ours.wall), f"{name}: {ms(peer.wall)}", wall, reach, met, True),
        Row(f"{what}, of the processor", ms(ours.processor), f"{name}: {ms(peer.processor)}", processor, timed=True),
    ]


def ms(seconds):
    """Formats a time in milliseconds with three significant digits."""
    value = seconds * 1000
    return f"{value:.2f} ms" if value < 10 else f"{value:.1f} ms" if value < 100 else f"{value:,.0f} ms"


def thousands(number):
    return f"{number:,}"


def mib(kib):
    return f"{kib / 1024:.2f} MiB"


def times(ratio):
    """Formats a ratio with two significant digits."""
    return f"{ratio:.2f}" if ratio < 9.95 else f"{ratio:,.0f}"
