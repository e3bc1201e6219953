"""The table, as CSV and Markdown, and its summary."""

import csv
import math
import pathlib
import re
import statistics
from dataclasses import dataclass, field

LIBRARIES = ["dlc", "mkl", "openblas", "onednn-nhwc", "onednn", "torch"]
FIELDS = ["section", "spec", "threads", "flops", "bytes", "limit", "notes",
          *(f"{name} {what}" for name in LIBRARIES for what in ("median", "best"))]


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

    @staticmethod
    def of(spec, flops, size, times, best, limits, notes):
        """Medians over the rounds of what was measured."""
        medians = {name: statistics.median(values) for name, values in times.items()}
        return Record(spec, flops, size, statistics.median(limits), medians, best, notes)

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


class Table:
    """Records that are written to a file as they come."""

    def __init__(self, path, keep):
        self.path = path
        self.records = read_records(path) if keep and path.exists() else []
        self.write_all()

    def has(self, spec, threads):
        return any(r.spec == spec and r.threads == threads for r in self.records)

    def add(self, record):
        self.records.append(record)
        with open(self.path, "a", newline="") as file:
            csv.DictWriter(file, FIELDS).writerow(cells_of(record))

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
    return cells


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
                int(cells["threads"])))
    return records


def rate(record, seconds):
    return f"{record.work / seconds * 1e-9:.0f}" if seconds else "-"


def line(record):
    """A record on one line, for people who wait."""
    rates = ", ".join(f"{name} {rate(record, value)}" for name, value in record.median.items())
    ratio = f"{record.ratio:.2f}" if record.ratio else "-"
    return f"{record.spec} [{record.threads}]: {ratio} ({100 * record.share:.0f} %) - {rates}"


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


def scaling(records):
    """Two threads against one, where both were measured and the work is large."""
    one = {r.spec: r for r in records if r.threads == 1}
    rows = [(one[r.spec].median["dlc"] / r.median["dlc"], r.limit / one[r.spec].limit, r.spec)
            for r in records if r.threads == 2 and r.spec in one and r.flops > 50e6]
    if not rows:
        return []
    least = min(rows)
    return ["", f"Two threads against one, {len(rows)} rows above 50 MFLOP: geometric mean "
            f"{geometric_mean([row[0] for row in rows]):.2f}, lowest {least[0]:.2f} ({least[2]}); "
            f"the machine's peak itself: {geometric_mean([row[1] for row in rows]):.2f}."]


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
    return (f"| {record.spec} | {record.threads} | {ratio} | {100 * record.share:.0f} | "
            f"{1e6 * record.median['dlc']:.1f} | {' | '.join(cells)} | {record.section} | "
            f"{notes} |")


def markdown(records):
    """All rows, the slowest against the fastest library first."""
    names = [name for name in LIBRARIES if any(name in record.median for record in records)]
    head = ["kernel", "threads", "ratio", "% of limit", "dlc, us", *names, "section", "notes"]
    rows = sorted(records, key=lambda record: record.ratio or math.inf)
    return "\n".join([
        f"# Kernels\n\n{machine()}.\n\n{summary(records)}\n",
        "GFLOP/s (memory-bound kernels: GB/s), median / best. Ratio: median time of the fastest "
        "library by dlc's. Limit: multiply-adds or bandwidth measured in the same rounds.\n",
        f"| {' | '.join(head)} |", "|" + "---|" * len(head),
        *(row_of(record, names) for record in rows)]) + "\n"
