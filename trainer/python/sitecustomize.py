"""Found through PYTHONPATH before any other sitecustomize, in every Python that a trainer starts.

Arms the shim, steps out of the way and loads the sitecustomize that would have been found without
it. Any Python can read this file; one that is older than 3.8 gets nothing but that.
"""

import os
import sys

_here = os.path.dirname(os.path.abspath(__file__))


def _arm():
    folder = os.environ.get("NIGHTWARDEN_HEARTBEAT_DIR")
    attempt = os.environ.get("NIGHTWARDEN_ATTEMPT")
    if sys.version_info < (3, 8) or not folder or not attempt:
        return
    try:
        import nightwarden_shim

        nightwarden_shim.arm(folder, int(attempt))
    except Exception as error:
        # Whatever it is, the trainer runs; this line tells why it runs without heartbeats.
        sys.stderr.write("nightwarden: no heartbeats from this process: %r\n" % (error,))


def _load_the_next():
    # For good: the trainer finds the path it would have without the shim, whose own modules are
    # found by their package.
    sys.path[:] = [p for p in sys.path if os.path.abspath(p or os.curdir) != _here]
    this = sys.modules.pop("sitecustomize")
    try:
        import sitecustomize  # noqa: F401
    except ImportError as error:
        # Python 2 does not say which module it missed.
        if getattr(error, "name", "sitecustomize") != "sitecustomize":
            raise
    finally:
        sys.modules.setdefault("sitecustomize", this)


_arm()
_load_the_next()
