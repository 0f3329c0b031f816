"""faulthandler has one timer for the whole process. Whether the trainer uses it is noted here, so that
the shim's watchdog leaves it alone."""

import functools
import threading

#: Held while the timer is set, cancelled, or the process forks.
lock = threading.RLock()
#: True from the trainer's dump_traceback_later to its cancel_dump_traceback_later.
taken = False
#: faulthandler's own two functions.
arm = None
cancel = None


def watch(faulthandler):
    global arm, cancel
    arm, cancel = faulthandler.dump_traceback_later, faulthandler.cancel_dump_traceback_later

    @functools.wraps(arm)
    def dump_traceback_later(*args, **kwargs):
        global taken
        with lock:
            arm(*args, **kwargs)
            taken = True

    @functools.wraps(cancel)
    def cancel_dump_traceback_later():
        global taken
        with lock:
            cancel()
            taken = False

    faulthandler.dump_traceback_later = dump_traceback_later
    faulthandler.cancel_dump_traceback_later = cancel_dump_traceback_later


def renew_lock():
    """In a forked child, where whoever held it may not exist."""
    global lock
    lock = threading.RLock()
