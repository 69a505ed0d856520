"""The look that all drawings share, in stand-ins for colours that each page puts in."""

import matplotlib
from matplotlib.colors import to_hex

# The page has colours of its own for these, in light and in dark: see `site.css`.
CYCLE = [f"#0000c{n}" for n in range(8)]
INK, MUTED, GRID, PAPER = "#0000a0", "#0000a1", "#0000a2", "#0000a3"
COLOURS = {colour: f"var(--fig-{n})" for n, colour in enumerate(CYCLE)} | {
    INK: "var(--fig-ink)",
    MUTED: "var(--fig-muted)",
    GRID: "var(--fig-grid)",
    PAPER: "var(--fig-paper)",
}
STYLE = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "figures",  # the same bytes on every run
    "axes.prop_cycle": matplotlib.cycler(color=CYCLE),
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "axes.labelcolor": INK,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "figure.facecolor": "none",
    "text.color": INK,
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
    "lines.linewidth": 1.8,
    "patch.edgecolor": INK,
}
RAISED = str.maketrans("−0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
LOWERED = {raised: plain for plain, raised in RAISED.items()}


def themed(colour) -> str:
    """A colour of Matplotlib's as the page writes it."""
    return COLOURS.get(to_hex(colour), to_hex(colour))
