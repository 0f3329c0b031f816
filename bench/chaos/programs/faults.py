"""What goes wrong in trainer.py, in the process itself and for real."""
import ctypes
import os
import signal
import sys
import threading
import time

CUDA = 'RuntimeError: CUDA error: an illegal memory access was encountered'


class Faults:
    def __init__(self, specs):
        self.all = []
        for spec in specs:
            kind, step = spec.rstrip('!').split('@')
            self.all.append((kind, int(step), spec.endswith('!')))
        self.lost_from = None

    def after(self, step):
        """Fires what is due after a step; 0: before the first, and before the checkpoint is read."""
        for kind, at, always in self.all:
            if kind in FIRE and self.due(kind, at, always, at == step):
                print(f'chaos: {kind} at step {step}', flush=True)
                FIRE[kind]()

    def during_save(self, step):
        for kind, at, always in self.all:
            if kind == 'half-weights' and self.due(kind, at, always, step >= at):
                os.kill(os.getpid(), signal.SIGKILL)
            if kind == 'stuck-save' and self.due(kind, at, always, step >= at):
                pause()

    def before_state(self, step):
        for kind, at, always in self.all:
            if kind == 'no-state' and self.due(kind, at, always, step >= at):
                os.kill(os.getpid(), signal.SIGKILL)

    def lost(self, step):
        """Whether the loss is no number any more: from the fault on, to the end of the process."""
        for kind, at, always in self.all:
            if kind == 'nan' and self.due(kind, at, always, at == step):
                self.lost_from = step
        return self.lost_from is not None

    def due(self, kind, at, always, now):
        if not now:
            return False
        os.makedirs('.faults', exist_ok=True)
        marker = f'.faults/{kind}@{at}'
        if os.path.exists(marker) and not always:
            return False
        with open(marker, 'w') as file:
            file.write(str(time.time()))
        return True


def die(text, code=1):
    print(text, file=sys.stderr, flush=True)
    os._exit(code)


def pause():
    """Idle for ever; SIGTERM ends it."""
    while True:
        time.sleep(3600)


def lock():
    """The main thread waits for a lock that nobody gives back; other threads go on."""
    held = threading.Lock()
    held.acquire()
    held.acquire()


def gil():
    """A call into C that keeps the interpreter's lock: no thread of Python runs any more."""
    ctypes.PyDLL(None).pause()


def gil_spin():
    """The same, busy: strlen over a gigabyte without an end in sight, again and again."""
    many = b'x' * (1 << 24)
    while True:
        ctypes.PyDLL(None).strlen(many)


def deaf():
    for name in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(name, signal.SIG_IGN)
    pause()


def livelock():
    n = 0
    while True:
        n += 1
        until = time.time() + 0.1
        while time.time() < until:
            pass
        print(f'data loader: batch {n} not ready, retry', flush=True)


def holding_on():
    """A grandchild in a session of its own, deaf to SIGTERM, that forks a child of its own."""
    if os.fork() != 0:
        return
    os.setsid()
    for name in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(name, signal.SIG_IGN)
    if os.fork() == 0:
        os.setsid()
    time.sleep(600)
    os._exit(0)


def orphan():
    holding_on()
    die(CUDA)


def orphan_hang():
    holding_on()
    deaf()


def enospc():
    """As Python tells of a full disk: a stand-in where no small volume can be mounted."""
    die("OSError: [Errno 28] No space left on device: 'ckpt/step-0/weights.safetensors'")


def segv():
    ctypes.string_at(0)


FIRE = {
    'crash': lambda: die(CUDA),
    'oom': lambda: die('torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB.'),
    'segv': segv,
    'abort': os.abort,
    'exit0': lambda: os._exit(0),
    'hang': pause,
    'lock': lock,
    'gil': gil,
    'gil-spin': gil_spin,
    'deaf': deaf,
    'livelock': livelock,
    'orphan': orphan,
    'orphan-hang': orphan_hang,
    'enospc': enospc,
    'stop': lambda: os.kill(os.getpid(), signal.SIGSTOP),
    'import': lambda: die("ModuleNotFoundError: No module named 'bitsandbytes'"),
    'argument': lambda: die('trainer.py: error: unrecognized arguments: --optimizer_tpye', 2),
    'missing': lambda: die("FileNotFoundError: [Errno 2] No such file or directory: '/data/images'"),
}
