"""What the Python peers share: one line of JSON in for one line of JSON out; for sets also keys in memory and forms that are timed."""

import json
import platform
import sys
from time import perf_counter

import numpy as np


class Service:
    """A process whose methods are called by name, and that says how much memory its `run` needs."""

    def __init__(self, versions):
        self.versions_of_own = versions

    def versions(self):
        return {"python": platform.python_version(), **self.versions_of_own}

    def peak(self, **parameters):
        """Bytes that a run needs beside its input, at most (Linux)."""
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
        before = status("VmRSS")
        self.run(**parameters)
        return {"bytes": status("VmHWM") - before}

    def serve(self):
        """Answers until the input ends."""
        for line in sys.stdin:
            request = json.loads(line)
            try:
                reply = getattr(self, request.pop("call"))(**request)
            except Exception as error:
                reply = {"error": f"{type(error).__name__}: {error}".split("\n")[0]}
            print(json.dumps(reply), flush=True)


class Peer(Service):
    """A process that computes sets; `forms` are functions of keys and epsilon that return (scores or None, indices)."""

    def __init__(self, forms, versions):
        super().__init__(versions)
        self.forms = forms
        self.keys = {}
        self.scores = self.indices = None

    def load(self, path, d):
        """Keys in float32, or None to let go of all that is held."""
        self.keys = {} if path is None else {"float32": np.fromfile(path, dtype="<f4").reshape(-1, d)}
        self.scores = self.indices = None
        return {}

    def run(self, form, keys, epsilon):
        """`keys`: float32, float64 (converted before the clock starts) or cast (converted while it runs)."""
        matrix = self.keys["float32"]
        if keys == "float64":
            if "float64" not in self.keys:
                self.keys["float64"] = matrix.astype(np.float64)
            matrix = self.keys["float64"]
        self.scores = self.indices = None
        start = perf_counter()
        if keys == "cast":
            matrix = matrix.astype(np.float64)
        self.scores, self.indices = self.forms[form](matrix, epsilon)
        return {"time": 1000 * (perf_counter() - start)}

    def result(self, path):
        """The indices; scores of all keys, where the form has them, go to the file."""
        if self.scores is not None:
            np.asarray(self.scores).astype("<f8").tofile(path)
        return {"indices": np.asarray(self.indices).tolist(), "scored": self.scores is not None}


def status(name):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(name))
