"""Runs a command, sends SIGINT after its first epoch, expects exit status 130."""

import signal
import subprocess
import sys

process = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, text=True)
for line in process.stdout:
    if line.startswith("epoch 1/"):
        process.send_signal(signal.SIGINT)
        break
process.stdout.read()
status = process.wait()
if status != 130:
    sys.exit("expected exit status 130, got %d" % status)
