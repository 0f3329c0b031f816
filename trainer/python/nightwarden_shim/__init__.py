"""Heartbeats and stack dumps for any PyTorch trainer, without a change to it (docs/shim.md).

Until torch is imported nothing happens here but that the import of a few names is watched for.
Standard library only, Python 3.8 to 3.13, torch 2.0 and newer.
"""

import sys

from .imports import Finder

#: Modules in which a function or two is worth watching, all of them optional.
WATCHED = (
    "torch",
    "torch.utils.data.dataloader",
    "safetensors.torch",
    "accelerate.accelerator",
    "accelerate.data_loader",
    "tqdm.std",
    "library.train_util",
    "library.flux_train_utils",
)


def arm(folder, attempt):
    """Waits for torch: when it is imported, its optimizer steps are counted and told in `folder`,
    the heartbeat folder of the attempt of this number."""
    attached = []

    def imported(name, module):
        if name == "faulthandler":
            from . import later

            later.watch(module)
        elif attached:
            attached[0].to(name, module)
        elif name == "torch":
            from .attach import Attachment

            attached.append(Attachment(folder, attempt))
            attached[0].to(name, module)
            # What was imported before torch, or by it. One that is still at its import comes later.
            for other in WATCHED[1:]:
                ready = sys.modules.get(other)
                if ready is not None and not finder.is_importing(other):
                    attached[0].to(other, ready)

    finder = Finder(WATCHED + ("faulthandler",), imported)
    sys.meta_path.insert(0, finder)
