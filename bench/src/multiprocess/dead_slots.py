"""client_python's multi-process files: `fill` writes those of ended processes, `show` makes the page from them a few times."""

import json
import os
import sys
import time

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.multiprocess import MultiProcessCollector

directory, command, slots, series = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
counters = sys.argv[5:]

if command == "fill":
    for pid in range(slots):
        values = MmapedDict(os.path.join(directory, f"counter_{pid}.db"))
        for name in counters:
            for i in range(series):
                key = mmap_key(name, name + "_total", ["thing"], [f"thing-{i}"], "Things.")
                values.write_value(key, 1.0)
        values.close()
else:
    times = []
    for _ in range(2):
        registry = CollectorRegistry()
        MultiProcessCollector(registry, directory)
        start = time.perf_counter()
        page = generate_latest(registry)
        times.append((time.perf_counter() - start) * 1000)
    lines = [line for line in page.decode().splitlines() if line and not line.startswith("#")]
    print(json.dumps({"ms": times, "total": sum(float(line.rsplit(" ", 1)[1]) for line in lines)}))
