"""Tells when a module has been imported, and changes nothing else about how it is."""

import sys


class Finder:
    """A finder of the meta path that finds a module as the finders behind it do and has `imported`
    called with its name and itself once it was executed. It stays: transformers and others ask
    importlib.util.find_spec for torch without importing it, any number of times."""

    def __init__(self, names, imported):
        self._names = frozenset(names)
        self._imported = imported
        self._importing = set()

    def is_importing(self, name):
        return name in self._importing

    def find_spec(self, name, path=None, target=None):
        if name not in self._names:
            return None
        spec = self._behind(name, path, target)
        if spec is not None:
            self._watch(spec, name)
        return spec

    def _behind(self, name, path, target):
        # Those before this one were asked, or are what asks: another of its kind.
        behind = iter(list(sys.meta_path))
        if not any(finder is self for finder in behind):
            return None
        for finder in behind:
            find = getattr(finder, "find_spec", None)
            spec = None if find is None else find(name, path, target)
            if spec is not None:
                return spec
        return None

    def _watch(self, spec, name):
        loader = spec.loader
        if not hasattr(loader, "exec_module"):
            return
        if isinstance(loader, type):
            # Built into the interpreter, and its loader the same for all such modules.
            spec.loader = _Builtin(loader, self._run, name)
            return
        execute = loader.exec_module
        own = getattr(loader, "__dict__", {}).get("exec_module")

        def exec_module(module):
            if own is None:
                del loader.exec_module
            else:
                loader.exec_module = own
            self._run(name, module, execute)

        try:
            # On this one loader, which so remains the loader it is to everybody who looks at it.
            loader.exec_module = exec_module
        except AttributeError:
            # One that takes no attributes: the module is imported without being watched.
            pass

    def _run(self, name, module, execute):
        self._importing.add(name)
        try:
            execute(module)
        finally:
            self._importing.discard(name)
        try:
            self._imported(name, module)
        except Exception as error:
            sys.stderr.write("nightwarden: %s is not watched: %r\n" % (name, error))


class _Builtin:
    def __init__(self, loader, run, name):
        self._loader = loader
        self._run = run
        self._name = name

    def __getattr__(self, name):
        return getattr(self._loader, name)

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module):
        # As it would be without the shim.
        module.__spec__.loader = module.__loader__ = self._loader
        self._run(self._name, module, self._loader.exec_module)
