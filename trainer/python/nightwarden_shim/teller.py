"""The thread that writes the heartbeat file (docs/heartbeat.md) and keeps the watchdog fed."""

import atexit
import os
import sys
import threading
import time

from .progress import told
from .rank_file import RankFile
from .watchdog import Watchdog

#: Between news and its beat (seconds), and so between two beats at least: what a fast loop does in
#: between is told at once, and a call that is over by then is none worth telling.
SETTLE = 0.1
#: A beat without news, so that everybody sees that a thread of this process still runs (seconds).
ALIVE = 5.0
#: The watchdog is fed this often (seconds).
FEED = 1.0
#: At the end of the process the last beat may take this long (seconds).
LAST = 2.0


class Teller(threading.Thread):
    def __init__(self, attachment):
        threading.Thread.__init__(self, name="nightwarden-shim", daemon=True)
        self._progress = attachment.progress
        self._attempt = attachment.attempt
        self._announced = attachment.stacks.announced
        self._base = start_step()
        self.watchdog = Watchdog(os.path.join(attachment.folder, self._announced["gil"]))
        self._file = RankFile(attachment.folder)
        self._pid = os.getpid()
        self._bell = threading.Lock()
        self._bell.acquire()
        self._ended = threading.Event()
        #: Far below what a trainer that writes beats by itself would ever begin at: its own are the
        #: newer ones whenever it begins.
        self._seq = -(2**52)
        self._news = None
        self._told_at = 0.0
        atexit.register(self.end)

    def wake(self):
        try:
            self._bell.release()
        except RuntimeError:
            # Rung twice: two threads had news at once.
            pass

    def end(self):
        """Tells the last steps before the process ends; bounded, should the disk hang."""
        # A forked child runs what its parent registered.
        if os.getpid() != self._pid:
            return
        self._ended.set()
        self.wake()
        self.join(LAST)

    def run(self):
        while True:
            # The first time too: there was news, or this thread would not be.
            self._ended.wait(SETTLE)
            ended = self._ended.is_set()
            try:
                self.watchdog.feed()
                self._tell(ended)
            except Exception as error:
                self._progress.problem = repr(error)
            if ended:
                self.watchdog.end()
                return
            self._wait()

    def _wait(self):
        progress = self._progress
        progress.wake = self.wake
        # What came between the beat and this moment rang no bell.
        if self._state() == self._news and not self._ended.is_set():
            self._bell.acquire(True, FEED)
        progress.wake = None

    def _state(self):
        progress = self._progress
        # As a string, since NaN is not even itself.
        return progress.steps, told(progress.loss), self._phases(), progress.problem

    def _phases(self):
        progress = self._progress
        calls = [tuple(call) for call in progress.calls]
        if progress.steps == 0 and progress.first_step is not None:
            calls.insert(0, ("first_step", progress.first_step))
        seen = set()
        # A save inside a save is one.
        return [call for call in calls if not (call[0] in seen or seen.add(call[0]))]

    def _tell(self, last):
        news = self._state()
        now = time.monotonic()
        if news == self._news and not last and now - self._told_at < ALIVE:
            return
        steps, loss, phases, problem = news
        rank, world = ranks()
        self._seq += 1
        beat = {
            "v": 1,
            "attempt": self._attempt,
            "pid": self._pid,
            "rank": rank,
            "world_size": world,
            "seq": self._seq,
            "time": time.time(),
            "step": self._base + steps if steps > 0 else None,
            "loss": loss,
            # The phases of a process end with it.
            "phases": [] if last else [{"name": name, "since": since} for name, since in phases],
            "shim": dict(self._announced, beats_every=ALIVE, gil_lost=self.watchdog.dumps),
        }
        if problem is not None:
            beat["shim"]["problem"] = problem
        # Not tried again at once where it fails: a full disk stays full for a while.
        self._news = news
        self._file.write(beat, steps > 0)
        self._told_at = now


def ranks():
    """This process's rank and the number of processes."""
    dist = sys.modules.get("torch.distributed")
    if dist is not None and dist.is_available() and dist.is_initialized():
        return dist.get_rank(), dist.get_world_size()
    return whole("RANK", 0), whole("WORLD_SIZE", 1)


def start_step():
    """The step the attempt resumes from: heartbeats count over the whole job."""
    return whole("NIGHTWARDEN_START_STEP", 0)


def whole(name, fallback):
    value = os.environ.get(name, "")
    return int(value) if value.isdigit() else fallback
