"""What is watched in which module. A name that a version of it lacks is left out."""

import functools
import sys


def within(name, progress, function):
    """The function, with its call known as a phase of that name."""

    @functools.wraps(function)
    def watched(*args, **kwargs):
        call = progress.enter(name)
        try:
            return function(*args, **kwargs)
        finally:
            progress.leave(call)

    watched.nightwarden = True
    return watched


def before(tell, function):
    """The method, with `tell` called first with what it is called with. `tell` does not raise."""

    @functools.wraps(function)
    def watched(*args, **kwargs):
        tell(*args, **kwargs)
        return function(*args, **kwargs)

    watched.nightwarden = True
    return watched


def put(owner, name, wrap):
    """Replaces a function of a module or class by `wrap` of it; one that is not there stays away, one
    that is watched already (its module was reloaded) stays as it is."""
    function = vars(owner).get(name) if isinstance(owner, type) else getattr(owner, name, None)
    if callable(function) and not hasattr(function, "nightwarden"):
        setattr(owner, name, wrap(function))


def torch(module, progress):
    optim = sys.modules["torch.optim.optimizer"]
    optim.register_optimizer_step_post_hook(progress.optimizer_step)

    def scheduled(scheduler, *_args, **_kwargs):
        # The call from its own constructor is no step.
        if getattr(scheduler, "_step_count", 0) > 0:
            progress.scheduler_step(scheduler)

    put(module.optim.lr_scheduler.LRScheduler, "step", lambda step: before(scheduled, step))
    for name, phase in (("save", "checkpoint"), ("load", "load")):
        watch = functools.partial(within, phase, progress)
        put(module.serialization, name, watch)
        put(module, name, lambda _: getattr(module.serialization, name))


def loader(module, progress):
    put(module.DataLoader, "__iter__", functools.partial(before, first_batch(progress)))


def prepared_loader(module, progress):
    for kind in (module.DataLoaderShard, module.DataLoaderDispatcher):
        put(kind, "__iter__", functools.partial(before, first_batch(progress)))


def first_batch(progress):
    """Whoever asks a loader for batches is about to step, once there is an optimizer; and where there
    is accelerate, once the loader was prepared by it: a cache may be filled from the bare loader."""

    def tell(loader, *_args, **_kwargs):
        if progress.steps > 0 or progress.first_step is not None:
            return
        try:
            shards = sys.modules.get("accelerate.data_loader")
            bare = shards is not None and not isinstance(
                loader, (shards.DataLoaderShard, shards.DataLoaderDispatcher)
            )
            if not bare and has_optimizer():
                progress.batch()
        except Exception as error:
            progress.problem = repr(error)

    return tell


def has_optimizer():
    """Whether one was ever made: torch marks the step of a class at its first instance."""
    classes = [sys.modules["torch.optim.optimizer"].Optimizer]
    for kind in classes:
        classes.extend(kind.__subclasses__())
    return any(hasattr(kind.step, "hooked") for kind in classes)


def safetensors(module, progress):
    put(module, "save_file", functools.partial(within, "checkpoint", progress))
    put(module, "load_file", functools.partial(within, "load", progress))


def accelerator(module, progress):
    def log(_self, values=None, *_args, **_kwargs):
        figures(progress, values)

    put(module.Accelerator, "save_state", functools.partial(within, "checkpoint", progress))
    put(module.Accelerator, "load_state", functools.partial(within, "load", progress))
    put(module.Accelerator, "log", functools.partial(before, log))


def bar(module, progress):
    def postfix(_self, ordered_dict=None, refresh=True, **kwargs):
        figures(progress, ordered_dict)
        figures(progress, kwargs)

    put(module.tqdm, "set_postfix", functools.partial(before, postfix))


def figures(progress, values):
    try:
        if values:
            progress.values(values)
    except Exception as error:
        progress.problem = repr(error)


def kohya(module, progress):
    for what in ("latents", "text_encoder_outputs"):
        for name in ("new_cache_" + what, "cache_" + what):
            put(module.DatasetGroup, name, functools.partial(within, "cache", progress))
    put(module, "sample_images_common", functools.partial(within, "sample", progress))


def kohya_flux(module, progress):
    put(module, "sample_images", functools.partial(within, "sample", progress))


WATCHES = {
    "torch": torch,
    "torch.utils.data.dataloader": loader,
    "safetensors.torch": safetensors,
    "accelerate.accelerator": accelerator,
    "accelerate.data_loader": prepared_loader,
    "tqdm.std": bar,
    "library.train_util": kohya,
    "library.flux_train_utils": kohya_flux,
}
