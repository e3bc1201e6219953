"""Reads rows.txt: what is timed."""

import itertools
import re
from dataclasses import dataclass


@dataclass
class Row:
    section: str
    spec: str
    quick: bool


def expand(text):
    """`a{1,2}b` as a1b, a2b: each brace by each other, as shells do."""
    parts = re.split(r"\{([^{}]*)\}", text)
    choices = [part.split(",") if i % 2 else [part] for i, part in enumerate(parts)]
    return ["".join(choice) for choice in itertools.product(*choices)]


def read_rows(path):
    """The rows of a file in its order, each once."""
    rows, section = {}, ""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        line = line.split("#")[0].strip()
        if line.startswith("["):
            section = line.strip("[]")
        elif line:
            quick = line.startswith("*")
            for spec in expand(line.lstrip("* ")):
                if ":" not in spec or " " in spec:
                    raise ValueError(f"{path}:{number}: expected OP:EXTENTS, got '{spec}'")
                known = rows.setdefault(spec, Row(section, spec, quick))
                known.quick = known.quick or quick
    return list(rows.values())
