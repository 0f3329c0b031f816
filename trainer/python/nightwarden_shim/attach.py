"""The shim in one process that imported torch."""

import os
import sys

from . import later
from .progress import Progress, complain
from .stacks import Stacks
from .watches import WATCHES


class Attachment:
    """Its stacks can be asked for from now on; it tells of itself once there is something to tell,
    which a launcher and a data loader's worker never have."""

    def __init__(self, folder, attempt):
        self.folder = folder
        self.attempt = attempt
        self.stacks = Stacks(folder)
        self.teller = None
        self.progress = Progress(self._begin)
        child = is_child()
        self.progress.forget(child)
        if not child:
            try:
                self.stacks.announce()
            except Exception as error:
                complain("stacks cannot be asked for yet", error)
        os.register_at_fork(
            before=self._before_fork, after_in_parent=self._after_fork, after_in_child=self._forked
        )

    def to(self, name, module):
        """Watches a module that was just imported."""
        WATCHES[name](module, self.progress)

    def _begin(self):
        from .teller import Teller

        if self.stacks.announced is None:
            self.stacks.announce()
        self.teller = Teller(self)
        self.teller.start()

    def _before_fork(self):
        if self.teller is not None:
            self.teller.watchdog.pause()

    def _after_fork(self):
        if self.teller is not None:
            self.teller.watchdog.go_on()

    def _forked(self):
        """In the child of a fork the teller's thread does not exist, and the files are its parent's."""
        self.teller = None
        later.renew_lock()
        self.stacks.disown()
        self.progress.forget(True)


def is_child():
    """Started by multiprocessing: a worker of a data loader, or a rank of torch.multiprocessing. One
    that is spawned imports torch before it knows its parent, while it is still handed its work."""
    process = sys.modules.get("multiprocessing.process")
    if process is None:
        return False
    handed = getattr(process.current_process(), "_inheriting", False)
    return handed or process.parent_process() is not None
