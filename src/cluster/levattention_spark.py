"""The job of `levattention spark` on Spark: pipes partitions through `levattention worker`, and checks what comes back.

One argument, a JSON file that the command line wrote. Each line on standard output that begins with MARK is an event for it.
Partitions are pairs (number, line of JSON); their numbers alone say what is added to what, so that the bytes repeat.
"""
import base64, contextlib, json, os, re, shutil, socket, subprocess, sys, tempfile, threading, time, zlib

from pyspark import SparkContext, SparkFiles, StorageLevel
from pyspark.accumulators import AccumulatorParam

MARK = "@levattention "
FAN_IN = 16


class Counts(AccumulatorParam):
    """How many tasks ran where."""

    def zero(self, value):
        return {}

    def addInPlace(self, one, other):
        return {place: one.get(place, 0) + other.get(place, 0) for place in {*one, *other}}


def emit(**event):
    print(MARK + json.dumps(event), flush=True)


def failed(rule):
    return RuntimeError("levattention: " + " ".join(rule.split()))


def some(values, *names):
    return {name: values[name] for name in names if name in values}


class Tally:
    """Lines of results so far, of which a worker's trailer tells."""

    def __init__(self):
        self.results = self.rows = self.crc = 0

    def add(self, line):
        self.results += 1
        self.rows += json.loads(line)["rows"]
        self.crc = zlib.crc32((line + "\n").encode(), self.crc)

    def trailer(self, end):
        return {"end": end, "results": self.results, "rows": self.rows, "crc32": f"{self.crc:08x}"}


def piped(command, mode, items):
    """Sends items (number, line) through a worker and yields its results as such pairs. Raises where it fails, or says less than it was asked."""
    merges = mode in ("merge", "factor")
    sent, trouble, tally, end = [], [], Tally(), None
    errors = tempfile.TemporaryFile()
    try:
        worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)
    except OSError as error:
        raise failed(f"Node cannot be started on {socket.gethostname()}: '{command[0]}' ({error.strerror}): --node says where it is")

    def feed():
        given = Tally()
        try:
            with contextlib.suppress(BrokenPipeError), worker.stdin:
                for number, line in items:
                    sent.append((number, line))
                    if merges:
                        given.add(line)
                    worker.stdin.write((line + "\n").encode())
                if merges:
                    worker.stdin.write((json.dumps(given.trailer("merge")) + "\n").encode())
        except Exception as error:
            trouble.append(error)

    def here():
        """The partition that is worked on: results come in the order of what was sent."""
        return f"partition {sent[tally.results][0]}" if not merges and tally.results < len(sent) else f"a task of {mode}"

    def ended():
        """The exit code; none where it goes on although what it says is of no use."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return worker.wait(timeout=5)

    def complaint():
        errors.seek(0)
        lines = errors.read().decode(errors="replace").strip().splitlines()
        said = re.sub(r"^levattention worker: (partition \d+: )?", "", lines[-1]) if lines else "without a word"
        return f"worker {mode} ended with {ended()} on {socket.gethostname()}: {said}"

    feeder = threading.Thread(target=feed, daemon=True)
    feeder.start()
    try:
        for line in map(bytes.decode, worker.stdout):
            try:
                value = json.loads(line) if line.endswith("\n") and end is None else None
            except ValueError:
                value = None
            if not isinstance(value, dict) or not ("end" in value or {"partition", "rows"} <= value.keys()):
                raise failed(f"{here()}: " + (complaint() if ended() else f"worker {mode} printed what is no result: its output was cut off"))
            if "end" in value:
                end = value
                continue
            number, asked = value["partition"], None if merges else json.loads(sent[tally.results][1])
            if asked and (asked["partition"], asked["rows"]) != (number, value["rows"]):
                raise failed(f"{here()}: worker {mode} printed results of other rows")
            result = line[:-1]
            tally.add(result)
            yield number, result
        if worker.wait() != 0:
            raise trouble[0] if trouble else failed(f"{here()}: {complaint()}")
        feeder.join()
        if trouble:
            raise trouble[0]
        if end != tally.trailer(mode) or (not merges and tally.results != len(sent)):
            raise failed(f"{here()}: worker {mode} ended without its trailer, or with another one: its output was cut off")
    finally:
        worker.kill()
        worker.wait()
        worker.stdout.close()
        errors.close()


class Job:
    def __init__(self, plan):
        self.plan, self.sc = plan, SparkContext.getOrCreate()
        self.ran = self.sc.accumulator({}, Counts())
        if plan["ship"]:
            self.sc.addFile(plan["ship"])
        with open(plan["manifest"]) as lines:
            self.parts = sorted((json.loads(line)["partition"], line.strip()) for line in lines)
        self.rows = sum(json.loads(line)["rows"] for _, line in self.parts)
        self.tasks = min(len(self.parts), plan["tasks"] or 4 * self.sc.defaultParallelism)

    def worker(self, mode, options, factor=None):
        """For mapPartitions: a worker for the partitions of a task."""
        node, cli, ship, ran = self.plan["node"], self.plan["cli"], self.plan["ship"], self.ran

        def task(items):
            ran.add({f"{socket.gethostname()} {os.getcwd()}": 1})
            folder = tempfile.mkdtemp(prefix="levattention-")
            try:
                command = [node, cli or SparkFiles.get(os.path.basename(ship)), "worker", mode, *options]
                if factor is not None:
                    with open(os.path.join(folder, "all"), "wb") as file:
                        file.write(factor.value)
                    command += ["--factor", file.name]
                yield from piped(command, mode, items)
            finally:
                shutil.rmtree(folder, ignore_errors=True)

        return task

    def first(self, mode, options):
        """What the first pass says of each partition: (number, (description, result)). Tasks have runs of partitions of about as many rows each."""
        groups, before = [[] for _ in range(self.tasks)], 0
        for place, part in enumerate(self.parts):
            share = before / self.rows if self.rows else place / len(self.parts)
            groups[min(self.tasks - 1, int(self.tasks * share))].append(part)
            before += json.loads(part[1])["rows"]
        task = self.worker(mode, options)

        def described(items):
            given = dict(parts := [part for group in items for part in group])
            return ((number, (given[number], result)) for number, result in task(parts)) if parts else iter(())

        pairs = self.sc.parallelize(groups, self.tasks).mapPartitions(described)
        return pairs.persist(StorageLevel.DISK_ONLY)

    def merged(self, pairs):
        """The result of all: neighbours are merged up a tree of fan-in 16 whose shape the numbers of the partitions alone decide."""
        merge, count = self.worker("merge", ["--fan-in", str(FAN_IN)]), self.parts[-1][0] + 1
        while count > 1:
            count = -(-count // FAN_IN)
            pairs = self.level(pairs, count, min(count, self.tasks)).mapPartitions(merge)
        ((_, line),) = pairs.collect()
        if json.loads(line)["rows"] != self.rows:
            raise failed(f"{json.loads(line)['rows']} of {self.rows} rows came through the first pass")
        return line

    def level(self, pairs, nodes, tasks):
        return pairs.repartitionAndSortWithinPartitions(tasks, lambda number: number // FAN_IN * tasks // nodes)

    def one_pass(self):
        sketches = self.first("sketch", self.plan["sketch"])
        self.keep("all.lev", base64.b64decode(json.loads(self.merged(sketches.mapValues(lambda pair: pair[1])))["sketch"]))
        return {"passes": 1}

    def two_passes(self):
        grams = self.first("gram", self.plan["gram"])
        # Before they are merged: a result that is lost with its executor is made anew later, from rows that may have changed.
        known = self.sc.broadcast(grams.mapValues(lambda pair: some(json.loads(pair[1]), "crc32", "version")).collectAsMap())
        line = self.merged(grams.mapValues(lambda pair: pair[1]))
        command = [self.plan["driverNode"], self.plan["driverCli"], "worker", "factor", *self.plan["filter"]]
        ((_, said),) = piped(command, "factor", [(0, line)])
        gram = base64.b64decode(json.loads(line)["gram"])
        self.keep("all.gram", gram)
        if not json.loads(said)["certified"]:
            emit(phase="one pass")
            return {**self.one_pass(), "uncertified": True}
        emit(phase="second pass")
        task = self.worker("filter", self.plan["filter"], self.sc.broadcast(gram))

        def second(pairs):
            for number, (part, result) in pairs:
                yield number, json.dumps({**json.loads(part), **known.value[number], **some(json.loads(result), "gram")})

        found = grams.mapPartitions(lambda pairs: task(second(pairs))).collect()
        self.keep("found.jsonl", "".join(line + "\n" for _, line in sorted(found)).encode())
        return {"passes": 2, "factor": json.loads(said)}

    def keep(self, name, content):
        with open(os.path.join(self.plan["folder"], name), "wb") as file:
            file.write(content)

    def watch(self, group):
        """Tells how many tasks are done, twice a second."""
        tracker, told = self.sc.statusTracker(), None
        while True:
            jobs = filter(None, map(tracker.getJobInfo, tracker.getJobIdsForGroup(group)))
            stages = list(filter(None, map(tracker.getStageInfo, {stage for job in jobs for stage in job.stageIds})))
            counts = sum(stage.numCompletedTasks for stage in stages), sum(stage.numTasks for stage in stages)
            if counts != told:
                emit(done=counts[0], total=counts[1])
                told = counts
            time.sleep(0.5)


def main(path):
    with open(path) as file:
        job = Job(json.load(file))
    job.sc.setJobGroup("levattention", "levattention")
    threading.Thread(target=job.watch, args=["levattention"], daemon=True).start()
    emit(phase="first pass")
    outcome = job.one_pass() if job.plan["onePass"] else job.two_passes()
    emit(outcome={**outcome, "tasks": job.ran.value})
    job.sc.stop()


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except Exception as error:
        ours = re.search(r"levattention: (.*)", str(error))
        emit(error=ours[1] if ours else str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__)
        os._exit(1)
