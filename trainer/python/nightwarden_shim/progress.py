"""What the trainer has done so far. The training thread only leaves numbers here, at a fraction of a
microsecond a step; the teller, a thread of its own, writes them down."""

import math
import sys
import time
from _thread import get_ident

#: How trainers call their loss, in a progress bar or a tracker's values; the first found counts.
LOSSES = ("loss", "avr_loss", "train_loss", "step_loss", "loss/current", "loss/average")


class Progress:
    """`begin` is called once, when there is something to tell for the first time."""

    def __init__(self, begin):
        self.begin = begin
        self.forget(False)

    def forget(self, child):
        """Everything as at the start. A child process (`child`), such as a data loader's worker,
        has nothing to tell unless it steps itself."""
        self.child = child
        self.steps = 0
        self.loss = None
        #: When the first batch was asked for (Unix seconds); of no interest once there is a step.
        self.first_step = None
        #: The watched calls under way, outermost first: [name, since in Unix seconds].
        self.calls = []
        #: What ends the sleep of the teller, None while it is awake.
        self.wake = self._begin
        #: The last thing that went wrong in the shim itself.
        self.problem = None
        self._thread = get_ident()
        self._round = set()
        self._held = None

    def optimizer_step(self, optimizer, _args=None, _kwargs=None):
        """A hook for torch. A loop with several optimizers makes a step when one of them steps
        that has stepped already since the last; wrappers of an optimizer count as another."""
        try:
            self._held = None
            self._step(id(optimizer))
        except Exception as error:
            self.problem = repr(error)

    def scheduler_step(self, scheduler):
        """Counts where the optimizer's own step was replaced by the trainer's (fused backward
        passes), so that torch calls no hook."""
        try:
            if getattr(scheduler.optimizer.step, "hooked", False):
                return
            # The first is held back: its optimizer may be a wrapper of one that torch hooks.
            if self._held is None:
                self._held = id(scheduler)
                return
            if self._held:
                self._step(self._held)
                self._held = 0
            self._step(id(scheduler))
        except Exception as error:
            self.problem = repr(error)

    def _step(self, key):
        stepped = self._round
        if stepped and key not in stepped:
            stepped.add(key)
            return
        stepped.clear()
        stepped.add(key)
        self.steps += 1
        wake = self.wake
        if wake is not None:
            self._thread = get_ident()
            self.wake = None
            wake()

    def batch(self):
        """A data loader was asked for its batches."""
        if self.steps == 0 and self.first_step is None and self._counts():
            self.first_step = time.time()
            self._stir()

    def enter(self, name):
        """A watched call begins; what this returns is for :meth:`leave`."""
        if not self._counts():
            return None
        call = [name, time.time()]
        self.calls.append(call)
        self._stir()
        return call

    def leave(self, call):
        if call is not None:
            # By identity: calls of the same name may be nested, and a thread may have taken over.
            self.calls[:] = [other for other in self.calls if other is not call]
            self._stir()

    def values(self, values):
        """A trainer shows its figures. A loss is taken where it is a number on the CPU: to wait for
        one on the GPU is not ours to do."""
        for name in LOSSES:
            if name in values:
                loss = number(values[name])
                if loss is not None:
                    self.loss = loss
                    self._stir()
                return

    def _counts(self):
        """Calls of other threads (a save in the background) go on beside the loop, and those of a
        child process are not the trainer's."""
        return get_ident() == self._thread and not (self.child and self.steps == 0)

    def _stir(self):
        wake = self.wake
        if wake is not None and not (self.child and self.steps == 0):
            self.wake = None
            wake()

    def _begin(self):
        try:
            self.begin()
        except Exception as error:
            # At the end of the interpreter no thread can be started; on a full disk no file.
            complain("no heartbeats from this process", error)


def complain(what, error):
    """Goes to the trainer's output, its log under Nightwarden; once for each thing that fails."""
    try:
        sys.stderr.write("nightwarden: %s: %r\n" % (what, error))
    except Exception:
        # No stderr, or one that is closed: there is nobody left to tell.
        pass


def number(value):
    """A float of anything that is one without asking a GPU, else None."""
    if type(value) is float or type(value) is int:
        return float(value)
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return None
    # A tensor of a subclass may be spread over machines: no way to look at it unasked.
    if type(value).__name__ == "Tensor" and value.device.type == "cpu" and value.numel() == 1:
        return float(value.detach().item())
    if isinstance(value, float) or type(value).__module__ == "numpy":
        return float(value)
    return None


def told(loss):
    """As JSON can say it: docs/heartbeat.md."""
    if loss is None or math.isfinite(loss):
        return loss
    return "nan" if math.isnan(loss) else "inf" if loss > 0 else "-inf"
