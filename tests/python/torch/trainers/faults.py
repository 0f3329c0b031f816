"""What goes wrong in a trainer, once each: lines of the file named by FAULTS, such as `lock@13`. Each
happens in whichever attempt reaches its step first.

lock      the main thread waits for a lock that nobody gives back
worker    a worker of the data loader does, and the main thread waits for its batch
"""

import os
import threading
import time

STEP_SECONDS = float(os.environ.get("STEP_SECONDS", "0.1"))


def after_step(step):
    """Takes as long as a step takes, and lets go wrong what is to."""
    time.sleep(STEP_SECONDS)
    if claim("lock@%d" % step):
        wait_for_ever()
    if claim("worker@%d" % step):
        with open(os.environ["FAULTS"], "a") as file:
            file.write("worker-now\n")


def wait_for_ever():
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()  # stuck here


def wait_for_ever_in_worker():
    threading.Event().wait()


def claim(fault):
    """Whether this fault is to happen now, and to nobody else."""
    path = os.environ.get("FAULTS")
    if path is None or not os.path.exists(path):
        return False
    with open(path) as file:
        lines = file.read().split()
    if fault not in lines:
        return False
    lines.remove(fault)
    with open(path + ".new", "w") as file:
        file.write("".join(line + "\n" for line in lines))
    os.replace(path + ".new", path)
    return True
