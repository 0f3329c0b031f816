"""Stacks of all threads, on a signal that only a process gets which has announced it."""

import faulthandler
import json
import os
import signal
import sys

from . import later
from .rank_file import replace

if later.arm is None:
    # Imported before the shim was, by whoever.
    later.watch(faulthandler)

#: The first of these that nothing uses. Real-time signals: a trainer's own (SIGUSR1 under Slurm,
#: and whatever else it handles) stay its own.
SIGNALS = tuple(range(signal.SIGRTMIN + 7, signal.SIGRTMAX - 7))


class Stacks:
    """Announced in `shim-<pid>.json`: who may be sent which signal, and where the stacks go. Written
    by faulthandler's handler, in C: neither the GIL nor a Python thread that still runs is needed.
    The file and the handler stay until the process ends."""

    def __init__(self, folder):
        self.folder = folder
        self.announced = None
        self._file = None

    def announce(self):
        pid = os.getpid()
        name = "stacks-%d.txt" % pid
        self._file = open(os.path.join(self.folder, name), "a")
        number = free_signal()
        faulthandler.register(number, file=self._file, all_threads=True, chain=False)
        said = {
            "pid": pid,
            "start_ticks": start_ticks(),
            "signal": int(number),
            "stacks": name,
            "gil": "gil-%d.txt" % pid,
            "python": "%d.%d.%d" % sys.version_info[:3],
        }
        replace(os.path.join(self.folder, "shim-%d.json" % pid), json.dumps(said))
        self.announced = said

    def disown(self):
        """In a forked child: what was announced is its parent's. The handler is left to it, so that
        the signal, should it come, does not end it."""
        self.announced = None


def free_signal():
    """As the kernel sees it (SigCgt and SigIgn of proc(5), a bit for each signal): Python's own table
    knows nothing of handlers in C."""
    used = 0
    with open("/proc/self/status", "rb") as file:
        for line in file:
            if line.startswith((b"SigCgt:", b"SigIgn:")):
                used |= int(line.split()[1], 16)
    for number in SIGNALS:
        if not used >> (number - 1) & 1:
            return number
    raise RuntimeError("every real-time signal is in use")


def start_ticks():
    """When this process started, in clock ticks since boot: field 22 of proc(5)'s stat."""
    with open("/proc/self/stat", "rb") as file:
        return int(file.read().rpartition(b")")[2].split()[19])
