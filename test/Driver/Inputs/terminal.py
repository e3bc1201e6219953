"""Runs a command with stderr on a terminal of 100 columns; prints what it drew."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
import threading

controller, terminal = pty.openpty()
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
drawn = []


def drain():
    try:
        while chunk := os.read(controller, 65536):
            drawn.append(chunk)
    except OSError:
        pass


reader = threading.Thread(target=drain)
reader.start()
environment = dict(os.environ, LC_ALL="C")
status = subprocess.run(sys.argv[1:], stderr=terminal, env=environment).returncode
os.close(terminal)
reader.join()
print(b"".join(drawn).replace(b"\r", b"\n").replace(b"\x1b", b"ESC").decode())
sys.exit(status)
