"""A peer in a process of its own, waiting for orders on stdin.

    worker.py FRAMEWORK THREADS

Says `ready` once the framework is loaded. Order: a line `ROW SECONDS`. Answer: a line of JSON: the first step's time (when
the row is new) and the times of all steps within SECONDS, in seconds. Between
orders the process sleeps, so that peers can take turns.
"""

import importlib
import json
import os
import sys
import time


def times_of(step, seconds):
    times, end = [], time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < end:
        begin = time.perf_counter()
        step()
        times.append(time.perf_counter() - begin)
    return times


def main():
    framework, threads = sys.argv[1], int(sys.argv[2])
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the framework prints is no answer
    peer = importlib.import_module(f"{framework}_peer")
    peer.start(threads)
    import rows

    print("ready", file=answers, flush=True)
    steps = {}
    for line in sys.stdin:
        index, seconds = int(line.split()[0]), float(line.split()[1])
        first = None
        if index not in steps:
            begin = time.perf_counter()
            steps[index] = peer.make_step(rows.ROWS[index])
            steps[index]()
            first = time.perf_counter() - begin
            times_of(steps[index], seconds / 4)  # warm
        print(json.dumps({"first": first, "times": times_of(steps[index], seconds)}), file=answers,
              flush=True)


main()
