"""The peer of THROUGHPUT: a plain Faust agent that does the same sum, as its guide would write it.

    python -m tests.bench.plain_faust BOOTSTRAP TOPIC SKIP COUNT

It is tuned as far as Faust lets one: raw serializer, orjson, acks off, no web server, no leader
topic, no table, a dict instead. One line of JSON at the end: records, CPU seconds, wall seconds.
"""

import json
import os
import sys
import time
from collections import defaultdict

import faust
import orjson

bootstrap, topic, skip, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
app = faust.App(
    f"plain-{os.getpid()}",
    broker=f"kafka://{bootstrap}",
    store="memory://",
    value_serializer="raw",
    topic_partitions=4,
    topic_allow_declare=False,
    topic_disable_leader=True,
    stream_wait_empty=False,
    web_enabled=False,
    worker_redirect_stdouts=False,
    datadir=f"/tmp/plain-faust-{os.getpid()}",
)
samples = app.topic(topic, key_serializer="raw", value_serializer="raw", acks=False)
sums: dict[tuple[str, int], float] = defaultdict(float)


@app.agent(samples)
async def add(stream: faust.Stream) -> None:
    """Sum by host and minute."""
    seen, began = 0, (0.0, 0.0)
    async for value in stream:
        record = orjson.loads(value)
        minute = -(-record["timestamp"] // 60_000)
        sums[record["labels"]["host"], minute] += record["value"]
        seen += 1
        if seen == skip:
            began = time.process_time(), time.perf_counter()
        elif seen == skip + count:
            cpu_s, wall_s = time.process_time() - began[0], time.perf_counter() - began[1]
            line = {"records": count, "cpu_s": cpu_s, "wall_s": wall_s, "sums": len(sums)}
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()
            os._exit(0)  # its orderly end takes seconds and is not what is measured


if __name__ == "__main__":
    sys.argv = [sys.argv[0]]
    faust.Worker(app, loglevel="error").execute_from_commandline()
