"""Draws FOLDER/table.csv as a roofline, FOLDER/roofline.png: python roofline.py FOLDER."""

import pathlib
import statistics
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from report import read_records  # noqa: E402


def draw(axes, records, threads):
    """Arithmetic intensity against rate: dlc, the fastest library, the peak."""
    axes.set(xscale="log", yscale="log", xlabel="FLOP a byte", ylabel="GFLOP/s",
             title=f"{threads} thread{'s' if threads > 1 else ''}")
    rows = [r for r in records if r.threads == threads and r.flops]
    if not rows:
        return
    peak = statistics.median(r.limit for r in rows) * 1e-9
    axes.axhline(peak, color="black", label=f"measured FMA peak, {peak:.0f}")
    moved = [r.limit for r in records if r.threads == threads and not r.flops]
    if moved:
        for bandwidth, style in ((min(moved), ":"), (max(moved), "--")):
            ends = (0.25, peak / (bandwidth * 1e-9))
            axes.plot(ends, [x * bandwidth * 1e-9 for x in ends], style, color="black",
                      label=f"measured bandwidth, {bandwidth * 1e-9:.0f} GB/s")
    for name, marker in (("fastest library", "x"), ("dlc", "o")):
        points = [(r.flops / r.bytes, r.flops / r.median["dlc" if name == "dlc" else r.peer])
                  for r in rows if name == "dlc" or r.peer]
        axes.scatter([x for x, _ in points], [1e-9 * y for _, y in points], s=12, marker=marker,
                     label=name, alpha=0.7)
    axes.legend(fontsize="small")
    axes.grid(alpha=0.3)


def main(folder):
    records = read_records(folder / "table.csv")
    counts = sorted({record.threads for record in records}) or [1]
    figure, panels = plt.subplots(1, len(counts), figsize=(7 * len(counts), 5), squeeze=False)
    for axes, threads in zip(panels[0], counts):
        draw(axes, records, threads)
    figure.tight_layout()
    figure.savefig(folder / "roofline.png", dpi=120)


main(pathlib.Path(sys.argv[1]))
