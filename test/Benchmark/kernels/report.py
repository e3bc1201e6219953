"""The table, as CSV and Markdown, and its summary."""

import csv
import math
import pathlib
import re
import statistics
from dataclasses import dataclass, field

LIBRARIES = ["dlc", "mkl", "openblas", "onednn-nhwc", "onednn", "torch"]
SPEEDUPS = ["speed-up", "best speed-up", "peak speed-up", "of peak speed-up",
            "doubled speed-up"]
FIELDS = ["section", "spec", "threads", "flops", "bytes", "limit", "notes",
          *(f"{name} {what}" for name in LIBRARIES for what in ("median", "best")), *SPEEDUPS]
# What two threads should reach, where two cores do twice the multiply-adds of one; from what on
# they are said to.
SCALES, DOUBLES = 1.85, 1.9


@dataclass
class Turns:
    """What is measured of a row on a number of threads, round by round."""
    threads: int
    ready: dict = field(default_factory=dict)
    flops: float = 0
    bytes: float = 0
    notes: list = field(default_factory=list)
    limits: list = field(default_factory=list)
    peaks: list = field(default_factory=list)
    times: dict = field(default_factory=dict)
    best: dict = field(default_factory=dict)

    def note(self, name, median, least, _):
        self.times.setdefault(name, []).append(median)
        self.best[name] = min(self.best.get(name, median), least)


@dataclass
class Record:
    """A row measured: seconds, and the limit in FLOP/s or bytes/s."""
    spec: str
    flops: float
    bytes: float
    limit: float
    median: dict
    best: dict
    notes: list = field(default_factory=list)
    section: str = ""
    threads: int = 1
    speedup: object = None

    @staticmethod
    def of(row, turns):
        """Medians over the rounds of what was measured."""
        medians = {name: statistics.median(values) for name, values in turns.times.items()}
        return Record(row.spec, turns.flops, turns.bytes, statistics.median(turns.limits), medians,
                      turns.best, turns.notes, row.section, turns.threads)

    @property
    def work(self):
        """What the limit counts."""
        return self.flops or self.bytes

    @property
    def share(self):
        """dlc's part of the machine's limit."""
        return self.work / self.median["dlc"] / self.limit

    @property
    def peer(self):
        """The fastest library beside dlc; None: there is none."""
        others = {name: value for name, value in self.median.items() if name != "dlc"}
        return min(others, key=others.get) if others else None

    @property
    def ratio(self):
        """Time of the fastest library by dlc's; above 1 dlc is faster."""
        return self.median[self.peer] / self.median["dlc"] if self.peer else None


@dataclass
class Speedup:
    """Times as fast as on one thread, measured in the same rounds: dlc, by medians and by the
    best runs of all; multiply-adds alone; dlc's part of that; and dlc in those rounds in which
    multiply-adds alone were twice as fast (None: there were none)."""
    kernel: float
    best: float
    peak: float
    share: float
    doubled: object = None

    @staticmethod
    def of(one, many):
        kernel = [a / b for a, b in zip(one.times["dlc"], many.times["dlc"])]
        peak = [b / a for a, b in zip(one.peaks, many.peaks)]
        shares = [k / p for k, p in zip(kernel, peak)]
        doubled = [k for k, p in zip(kernel, peak) if p >= DOUBLES]
        return Speedup(statistics.median(kernel), one.best["dlc"] / many.best["dlc"],
                       statistics.median(peak), statistics.median(shares),
                       statistics.median(doubled) if doubled else None)


def records_of(row, turns):
    """The records of a row that was measured on several numbers of threads, in turns."""
    records = [Record.of(row, turn) for turn in turns]
    for record, turn in zip(records, turns):
        if turn.threads > 1 and turns[0].threads == 1 and turn.peaks:
            record.speedup = Speedup.of(turns[0], turn)
    return records


class Table:
    """Records that are written to a file as they come."""

    def __init__(self, path, keep):
        self.path = path
        self.records = read_records(path) if keep and path.exists() else []
        self.write_all()

    def has(self, spec, counts):
        """Whether a row was measured on each of these numbers of threads."""
        return set(counts) <= {r.threads for r in self.records if r.spec == spec}

    def add(self, records):
        """The records of a row, in place of older ones."""
        known = {(record.spec, record.threads) for record in records}
        kept = [r for r in self.records if (r.spec, r.threads) not in known]
        replaces = len(kept) < len(self.records)
        self.records = kept + records
        if replaces:
            self.write_all()
        else:
            with open(self.path, "a", newline="") as file:
                csv.DictWriter(file, FIELDS).writerows(map(cells_of, records))

    def write_all(self):
        with open(self.path, "w", newline="") as file:
            writer = csv.DictWriter(file, FIELDS)
            writer.writeheader()
            writer.writerows(map(cells_of, self.records))


def cells_of(record):
    cells = {"section": record.section, "spec": record.spec, "threads": record.threads,
             "flops": f"{record.flops:.0f}", "bytes": f"{record.bytes:.0f}",
             "limit": f"{record.limit:.6g}", "notes": "; ".join(record.notes)}
    for name in record.median:
        cells[f"{name} median"] = f"{record.median[name]:.6g}"
        cells[f"{name} best"] = f"{record.best[name]:.6g}"
    if record.speedup:
        own = record.speedup
        values = (own.kernel, own.best, own.peak, own.share, own.doubled)
        cells |= {name: f"{value:.4g}" for name, value in zip(SPEEDUPS, values) if value}
    return cells


def speedup_of(cells):
    """None: measured on one thread, or by an older version."""
    values = [float(cells[name]) if cells.get(name) else None for name in SPEEDUPS]
    return Speedup(*values) if values[0] else None


def read_records(path):
    records = []
    with open(path, newline="") as file:
        for cells in csv.DictReader(file):
            names = [name for name in LIBRARIES if cells[f"{name} median"]]
            records.append(Record(
                cells["spec"], float(cells["flops"]), float(cells["bytes"]), float(cells["limit"]),
                {name: float(cells[f"{name} median"]) for name in names},
                {name: float(cells[f"{name} best"]) for name in names},
                [cells["notes"]] if cells["notes"] else [], cells["section"],
                int(cells["threads"]), speedup_of(cells)))
    return records


def rate(record, seconds):
    return f"{record.work / seconds * 1e-9:.0f}" if seconds else "-"


def line(record):
    """A record on one line, for people who wait."""
    rates = ", ".join(f"{name} {rate(record, value)}" for name, value in record.median.items())
    ratio = f"{record.ratio:.2f}" if record.ratio else "-"
    scaled = (f"; {record.speedup.kernel:.2f} times one thread, peak {record.speedup.peak:.2f}"
              if record.speedup else "")
    return (f"{record.spec} [{record.threads}]: {ratio} ({100 * record.share:.0f} %) - "
            f"{rates}{scaled}")


def geometric_mean(values):
    return math.exp(statistics.fmean(map(math.log, values)))


def summarize(title, records):
    ratios = [record.ratio for record in records if record.ratio]
    if not ratios:
        return []
    lowest = min((record for record in records if record.ratio), key=lambda r: r.ratio)
    at_least = sum(ratio >= 1 for ratio in ratios) / len(ratios)
    shares = statistics.median(record.share for record in records)
    return [f"| {title} | {len(ratios)} | {100 * at_least:.0f} % | {geometric_mean(ratios):.2f} | "
            f"{lowest.ratio:.2f} ({lowest.spec}) | {100 * shares:.0f} % |"]


def scaling_row(title, records):
    def share(values, least):
        return f"{100 * statistics.fmean(v >= least for v in values):.0f} %" if values else "-"

    speedups = [record.speedup for record in records]
    doubled = [s.doubled for s in speedups if s.doubled]
    lowest = min(records, key=lambda record: record.speedup.kernel)
    return (f"| {title} | {len(records)} | {share([s.kernel for s in speedups], SCALES)} | "
            f"{share([s.best for s in speedups], SCALES)} | "
            f"{share([s.share for s in speedups], SCALES / 2)} | "
            f"{share(doubled, SCALES)} of {len(doubled)} | "
            f"{geometric_mean([s.kernel for s in speedups]):.2f} | "
            f"{geometric_mean([s.peak for s in speedups]):.2f} | "
            f"{lowest.speedup.kernel:.2f} ({lowest.spec}) |")


def scaling(records):
    """Two threads against one, measured in the same rounds, where the work is large."""
    rows = [r for r in records if r.threads == 2 and r.flops > 50e6 and r.speedup]
    if not rows:
        return []
    sections = [(section, [r for r in rows if r.section == section])
                for section in dict.fromkeys(row.section for row in rows)]
    return ["", f"| two threads against one, above 50 MFLOP | number | at least {SCALES} | "
            f"... by the best runs | at least {SCALES / 2} of the peak's | at least {SCALES} "
            f"where the peak's is {DOUBLES} | geometric mean | the peak's | lowest |",
            "|---|---|---|---|---|---|---|---|---|",
            *(scaling_row(*section) for section in [*sections, ("all", rows)])]


def summary(records):
    lines = ["| rows | number | dlc at least as fast | geometric mean | lowest | "
             "median share of the limit |", "|---|---|---|---|---|---|"]
    for threads in sorted({record.threads for record in records}):
        mine = [record for record in records if record.threads == threads]
        products = [record for record in mine if record.flops]
        plural = "s" if threads > 1 else ""
        lines += summarize(f"contractions, {threads} thread{plural}", products)
        lines += summarize("... above 20 MFLOP", [r for r in products if r.flops > 20e6])
        lines += summarize(f"memory-bound, {threads} thread{plural}",
                           [record for record in mine if not record.flops])
    return "\n".join(lines + scaling(records))


def machine():
    match = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return match[1] if match else "unknown CPU"


def row_of(record, names):
    cells = [f"{rate(record, record.median.get(name))} / {rate(record, record.best.get(name))}"
             if name in record.median else "-" for name in names]
    ratio = f"{record.ratio:.2f}" if record.ratio else "-"
    notes = "; ".join(record.notes)
    own = record.speedup
    scaled = f"{own.kernel:.2f} | {own.share:.2f}" if own else "- | -"
    return (f"| {record.spec} | {record.threads} | {ratio} | {100 * record.share:.0f} | "
            f"{1e6 * record.median['dlc']:.1f} | {' | '.join(cells)} | {scaled} | "
            f"{record.section} | {notes} |")


def markdown(records):
    """All rows, the slowest against the fastest library first."""
    names = [name for name in LIBRARIES if any(name in record.median for record in records)]
    head = ["kernel", "threads", "ratio", "% of limit", "dlc, us", *names, "speed-up",
            "of the peak's", "section", "notes"]
    rows = sorted(records, key=lambda record: record.ratio or math.inf)
    return "\n".join([
        f"# Kernels\n\n{machine()}.\n\n{summary(records)}\n",
        "GFLOP/s (memory-bound kernels: GB/s), median / best. Ratio: median time of the fastest "
        "library by dlc's. Limit: multiply-adds or bandwidth measured in the same rounds. "
        "Speed-up: dlc against one thread, and as a part of that of multiply-adds alone.\n",
        f"| {' | '.join(head)} |", "|" + "---|" * len(head),
        *(row_of(record, names) for record in rows)]) + "\n"
