"""sl_metrics(): Prometheus text for the whole cluster, from any worker, that never goes backwards."""
import os
import re
import signal

import pytest

from harness import Connection, wait_until

APP = """
#include <shallot.h>
static int hello(sl_ctx *c) { return sl_body(c, "hello"); }
static int slow(sl_ctx *c) { int r = sl_sleep(120); return r < 0 ? r : sl_body(c, "slow"); }
static int spin(sl_ctx *c) { usleep(60000); return sl_body(c, "spun"); }
static int bad(sl_ctx *c) { return sl_fail(c, 500, "bad"); }
static void on_word(sl_app *app, const sl_message *m, void *self) { (void)app; (void)m; (void)self; }
static int say(sl_ctx *c) { sl_send(sl_app_of(c), "word", "x", 1); return sl_body(c, "said"); }
int main(void)
{
    sl_app *app = sl_new(.instances = 2STANDALONE);
    sl_on_message(app, "word", on_word, NULL);
    sl_get(app, "/metrics", sl_metrics());
    sl_get(app, "/", hello);
    sl_get(app, "/slow", slow);
    sl_get(app, "/spin", spin);
    sl_get(app, "/bad", bad);
    sl_get(app, "/say", say);
    return sl_listen(app);
}
"""

NUMBER = r"[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|Inf|NaN)"
SAMPLE = re.compile(rf'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\.)*",?)*)\}})? ({NUMBER})')


def parse(text):
    """The text format, strictly: HELP and TYPE before the samples of each family, histograms cumulative. {(name, labels): value}"""
    assert text.endswith("\n")
    types, helped, samples, family = {}, set(), {}, None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name = line.split()[2]
            assert name not in helped
            helped.add(name)
        elif line.startswith("# TYPE "):
            _, _, family, kind = line.split()
            assert kind in ("counter", "gauge", "histogram") and family in helped and family not in types
            types[family] = kind
        else:
            m = SAMPLE.fullmatch(line)
            assert m, line
            name, labels, value = m.groups()
            base = re.sub(r"_(bucket|sum|count)$", "", name) if types.get(family) == "histogram" else name
            assert base == family, f"{name} in {family}"
            assert types[family] != "counter" or name.endswith("_total")
            assert (name, labels) not in samples
            samples[name, labels] = float(value)
    for family, kind in types.items():
        if kind != "histogram":
            continue
        buckets = [(float(re.search(r'le="([^"]*)"', labels).group(1).replace("+Inf", "inf")), v)
                   for (name, labels), v in samples.items() if name == family + "_bucket"]
        assert buckets == sorted(buckets) and [v for _, v in buckets] == sorted(v for _, v in buckets)
        assert buckets[-1][0] == float("inf") and buckets[-1][1] == samples[family + "_count", None]
    return samples, types


def metrics(program):
    response = program.get("/metrics")
    assert response.status == 200 and response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return parse(response.text)


def test_what_is_counted(compile, start):
    program = start([compile(APP.replace("STANDALONE", ""))])
    program.wait_workers(2)
    with Connection(program.port) as c:
        for _ in range(20):
            assert c.get("/").status == 200
        for _ in range(5):
            assert c.get("/slow").status == 200
        assert c.get("/spin").status == 200
        assert c.get("/bad").status == 500
        assert c.get("/nowhere").status == 404
        assert c.get("/say").status == 200

    def samples():
        return metrics(program)[0]

    wait_until(lambda: samples()["shallot_messages_received_total", None] == 2, "the message has come to both")
    s = samples()
    assert s["shallot_requests_total", 'status="4xx"'] == 1 and s["shallot_requests_total", 'status="5xx"'] == 1
    assert s["shallot_requests_total", 'status="2xx"'] >= 27
    assert s["shallot_messages_sent_total", None] == 1
    assert s["shallot_received_bytes_total", None] > 28 * 30 and s["shallot_sent_bytes_total", None] > 28 * 100
    assert s["shallot_workers_ready", None] == 2 and s["shallot_worker_restarts_total", None] == 0
    slow = sum(s["shallot_request_duration_seconds_count", None] - v for (name, labels), v in s.items()
               if name == "shallot_request_duration_seconds_bucket" and labels.startswith('le="0.0335'))
    assert slow == 6, s  # five that slept, and one that blocked the loop
    assert 0.6 < s["shallot_request_duration_seconds_sum", None] < 3
    assert s["shallot_memory_bytes", None] > 1e6


def test_counters_never_go_backwards(compile, start):
    program = start([compile(APP.replace("STANDALONE", ""))])
    program.wait_workers(2)
    before = {}
    for turn in range(6):
        with Connection(program.port) as c:
            for path in ["/", "/bad", "/nowhere"] * 5:
                c.get(path)
        if turn in (1, 3):
            os.kill(program.workers()[turn % 2], signal.SIGKILL)
        if turn == 4:
            program.signal(signal.SIGHUP)
            program.expect("generation 2 serves")
        wait_until(lambda: len(program.workers()) >= 2, "two again")
        for _ in range(5):
            samples, types = metrics(program)
            for key, value in samples.items():
                family = re.sub(r"_(bucket|sum|count)$", "", key[0])
                if types.get(key[0]) == "counter" or (types.get(family) == "histogram"):
                    assert value >= before.get(key, 0), key
            before.update(samples)
    s, _ = metrics(program)
    assert s["shallot_requests_total", 'status="5xx"'] >= 28 and s["shallot_worker_restarts_total", None] == 2


def test_standalone_counts_too(compile, start):
    program = start([compile(APP.replace("STANDALONE", ", .standalone = true"))])
    for _ in range(3):
        program.get("/bad")
    s, _ = metrics(program)
    assert s["shallot_requests_total", 'status="5xx"'] == 3 and s["shallot_workers", None] == 1
