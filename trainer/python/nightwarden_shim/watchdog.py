"""Says whether the GIL can still be had: a timer in C that a Python thread keeps from running out."""

import os

from . import later

#: Seconds without the GIL after which all stacks are dumped. A call into C that keeps it for so long
#: is rare and no harm is done by a dump.
WITHIN = 20
#: Dumps in the life of a process; each is some kilobytes.
MOST = 5


class Watchdog:
    """Only the thread that keeps it from running out may call :meth:`feed`."""

    def __init__(self, path):
        self._file = open(path, "a")
        self._size = 0
        #: How often the GIL could not be had for that long.
        self.dumps = 0
        self._ended = False

    def feed(self):
        """Sets the timer anew, unless the trainer uses it or enough was dumped."""
        if later.taken or later.arm is None:
            return
        size = os.fstat(self._file.fileno()).st_size
        if size != self._size:
            self._size = size
            self.dumps += 1
        with later.lock:
            if later.taken or self._ended:
                return
            if self.dumps < MOST:
                # Once: it is set again only by a thread that has the GIL.
                later.arm(WITHIN, repeat=False, file=self._file)

    def end(self):
        with later.lock:
            self._ended = True
            self._cancel()

    def pause(self):
        """Before a fork. The child would have the timer but not its thread, and wait for that for
        ever when it cancels the timer, as it does at its end."""
        later.lock.acquire()
        self._cancel()

    def go_on(self):
        """After it, in the parent; the timer is set at the next turn."""
        later.lock.release()

    def _cancel(self):
        if not later.taken:
            later.cancel()
