"""<shallot/pg.h> against a real PostgreSQL: values, errors, time, clients that go away, transactions, the pool, servers that die."""
import json
import socket
import struct
import subprocess
import threading
import time
from urllib.parse import quote, urlencode

import pytest

from harness import COMPILER, PATIENCE, ROOT, Connection, request, wait_until

NAMES = "drop table if exists names; create table names (name text primary key)"


@pytest.fixture
def serve(start, compile_once, postgres):
    def run(wait_ready=True, **options):
        env = {"DATABASE_URL": postgres.url, **{name: str(value) for name, value in options.items()}}
        return start([compile_once("pg")], env=env, wait_ready=wait_ready)

    return run


def rows(program, sql, *values):
    answer = program.get("/rows?" + urlencode({"sql": sql, **{f"v{i}": v for i, v in enumerate(values, 1)}}))
    assert answer.status == 200, program.text()
    return json.loads(answer.body)


def one(program, sql, *values):
    return next(iter(rows(program, sql, *values)[0].values()))


def backend(program):
    return one(program, "select pg_backend_pid()")


def active(postgres, what="pg_sleep"):
    """Queries that are running in the server."""
    return int(postgres.sql(f"select count(*) from pg_stat_activity where state = 'active' and query like '%{what}%' and pid <> pg_backend_pid()"))


def wait_active(postgres, count):
    wait_until(lambda: active(postgres) == count, lambda: f"{count} queries should run: {postgres.sql('select pid, state, query from pg_stat_activity')}")


def asked(program, path):
    """A connection that waits for the answer."""
    connection = Connection(program.port)
    connection.send_request(path)
    return connection


def reset(connection):
    """Goes away so that everybody sees it."""
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def together(count, ask):
    """What @ask returns, for so many at once."""
    found = [None] * count

    def run(i):
        found[i] = ask(i)

    threads = [threading.Thread(target=run, args=[i], daemon=True) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    return found


# ---- values, rows, errors

def test_values_of_every_type_there_and_back(serve):
    program = serve()
    assert program.get("/types").text == ('1 11 -5 1099511627776 it\'s "ça" 1 0.10000000000000001 1 1 {"a": [1, true]} 18446744073709551615 '
                                          "in an array 1 -1|t|0|0")
    assert program.expect('no column "nope"') and program.expect('column "t" is no whole number')


def test_rows_are_json_of_the_right_types(serve):
    program = serve()
    sql = """select 1::smallint as a, -2 as b, 9007199254740993 as c, 1.5::float8 as d, 'NaN'::float8 as e, 12.50::numeric as f, 10::numeric as g,
             12345678901234567890.5::numeric as h, true as i, null::int as j, '{"x": [1, {"y": null}]}'::jsonb as k, '[1,2]'::json as l, 'té"xt' as m,
             '2026-01-31 12:00:00+00'::timestamptz at time zone 'UTC' as n, '2026-01-31'::date as o, '\\x00ff'::bytea as p, '{1,2}'::int[] as q,
             '2026-01-31 12:00:00.5'::timestamptz as r, repeat('[', 200) || repeat(']', 200) as s, (repeat('[', 200) || repeat(']', 200))::json as t"""
    got = rows(program, sql)[0]
    assert got == {"a": 1, "b": -2, "c": 9007199254740993, "d": 1.5, "e": "NaN", "f": 12.5, "g": 10, "h": "12345678901234567890.5", "i": True, "j": None,
                   "k": {"x": [1, {"y": None}]}, "l": [1, 2], "m": 'té"xt', "n": "2026-01-31T12:00:00", "o": "2026-01-31", "p": "\\x00ff", "q": "{1,2}",
                   "r": got["r"], "s": "[" * 200 + "]" * 200, "t": "[" * 200 + "]" * 200}
    assert got["r"].startswith("2026-01-31T") and got["r"][-6] in "+-" and got["r"][-3] == ":"
    assert rows(program, "select 1 as a where false") == []
    assert len(rows(program, "select generate_series(1, 5000) as n")) == 5000


def test_values_are_never_part_of_the_statement(serve):
    program = serve()
    for nasty in ("'; drop table names; --", "\\'", "$1", "%s", "a\tb", "é" * 100):
        assert one(program, "select $1::text as t", nasty) == nasty


def test_errors_have_a_state_and_words(serve, postgres):
    postgres.sql(NAMES)
    program = serve()
    assert program.get("/unique/x").status == 201
    answer = program.get("/unique/x")
    assert (answer.status, answer.text) == (409, "23505 names names_pkey Key (name)=(x) already exists.\n")
    for sql, words in (("select nope", '500 database: column "nope" does not exist (42703), in: select nope'), ("select 1/0", "division by zero (22012)"),
                       ("select 1; select 2", "cannot insert multiple commands into a prepared statement (42601)"), ("select $1::int", "(08P01)"),
                       ("copy names to stdout", "COPY is not supported"), ("copy names from stdin", "COPY is not supported")):
        mark = program.mark()
        assert program.get("/rows?sql=" + quote(sql)).status == 500
        assert words in program.expect("GET /rows.* 500 database: ", start=mark).string
    assert program.get("/wrong").status == 500 and program.expect("value \\$1 is none that can be sent")
    assert program.get("/affected?sql=" + quote("update names set name = name")).text == "1"
    assert program.get("/background").text == "0" and program.expect("background: 42")


def test_scripts(serve, postgres):
    program = serve()
    script = b"drop table if exists scripted; create table scripted (n int); insert into scripted values (1), (2)"
    assert program.get("/script", method="POST", body=script).status == 204
    assert one(program, "select count(*) from scripted") == 2
    assert program.get("/script", method="POST", body=b"insert into scripted values (3); select 1/0").status == 500
    assert one(program, "select count(*) from scripted") == 2
    mark = program.mark()
    assert program.get("/script", method="POST", body=b"begin; insert into scripted values (3)").status == 204
    program.expect("a query has begun a transaction, which is rolled back", start=mark)
    assert one(program, "select count(*) from scripted") == 2
    assert program.get("/script", method="POST", body=b"do $$ begin raise warning 'look out'; end $$").status == 204
    program.expect("warn .*database: look out")


# ---- prepared statements

def test_statements_are_prepared_once_and_bounded(serve):
    program = serve(POOL=1, STATEMENTS=3)
    for n in range(10):
        for _ in range(3):
            assert one(program, f"select {n} + $1::int as n", "1") == n + 1
    kept = [row["statement"] for row in rows(program, "select statement from pg_prepared_statements order by statement")]
    assert kept == ["select 8 + $1::int as n", "select 9 + $1::int as n", "select statement from pg_prepared_statements order by statement"]
    program.get("/script", method="POST", body=b"deallocate all")
    assert one(program, "select 9 + $1::int as n", "1") == 10  # nobody told us
    assert len(rows(program, "select statement from pg_prepared_statements")) == 2


def test_without_prepared_statements(serve):
    program = serve(POOL=1, STATEMENTS=99)
    for _ in range(3):
        assert rows(program, "select statement, $1::int as n from pg_prepared_statements", "1") == []


def test_a_table_that_changes_under_a_prepared_statement(serve, postgres):
    postgres.sql("drop table if exists changing; create table changing (a int); insert into changing values (1)")
    program = serve(POOL=1)
    assert rows(program, "select * from changing") == [{"a": 1}]
    postgres.sql("alter table changing add b int default 2")
    assert rows(program, "select * from changing") == [{"a": 1, "b": 2}]


# ---- time, and clients that go away

def test_what_takes_too_long_is_cancelled_and_the_connection_stays(serve, postgres):
    program = serve(POOL=1, QUERY=200)
    pid = backend(program)
    answer = program.get("/rows?sql=" + quote("select pg_sleep(25)"))
    assert answer.status == 504 and program.expect("504 database: no answer within 200 ms, cancelled, in: select pg_sleep")
    assert program.get("/quick").text == "cancelled"
    wait_active(postgres, 0)
    assert backend(program) == pid


def test_a_client_that_goes_away_takes_its_query_along(serve, postgres):
    program = serve(POOL=2)
    connections = [asked(program, "/rows?sql=" + quote(f"select pg_sleep({n})")) for n in (30, 31)]
    wait_active(postgres, 2)
    pids = set(postgres.sql("select pid from pg_stat_activity where query like '%pg_sleep%' and pid <> pg_backend_pid()").split())
    for connection in connections:
        reset(connection)
    wait_active(postgres, 0)
    assert {str(pid) for pid in together(2, lambda i: one(program, "select pg_backend_pid() + 0 * length(pg_sleep(0.2)::text) as pid"))} == pids


def test_rows_one_by_one(serve, postgres):
    program = serve(POOL=1)
    pid = backend(program)
    assert program.get("/sum/0").text == "0 0 0"
    assert program.get("/sum/30000").text == "0 30000 450015000"
    assert program.get("/sum/30000000?stop=10").text == "5 10 55"
    assert backend(program) == pid
    assert program.get("/sum/x").status == 500
    assert len(program.get("/stream/200").body) == 200000
    slow = asked(program, "/stream/1000000")
    slow.more()
    wait_active(postgres, 1) if active(postgres, "repeat") == 0 else None
    reset(slow)
    wait_until(lambda: active(postgres, "repeat") == 0, "the query is cancelled")
    assert backend(program) == pid


# ---- transactions

def test_transactions(serve, postgres):
    postgres.sql(NAMES)
    program = serve(POOL=2)
    assert program.get("/transaction/commit").text == "7"
    assert program.get("/transaction/commit").status == 500  # there already
    assert program.get("/transaction/fail").status == 400
    assert program.get("/transaction/swallow").status == 500 and program.expect("a query of the transaction had failed")
    assert program.get("/transaction/nested").status == 200
    assert postgres.sql("select string_agg(name, ' ' order by name) from names") == "after commit outer"
    assert program.get("/shared").text == "one at a time"
    assert postgres.sql("select count(*) from pg_stat_activity where state like 'idle in%'") == "0"


def test_transactions_of_gone_clients_and_lost_connections_leave_nothing(serve, postgres):
    postgres.sql(NAMES)
    program = serve(POOL=1)
    for end in ("client", "connection"):
        waiting = asked(program, "/transaction/sleep")
        wait_active(postgres, 1)
        if end == "client":
            reset(waiting)
        else:
            postgres.sql("select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep%' and pid <> pg_backend_pid()")
            assert waiting.read_response().status == 500
            program.expect("connection lost during a query: terminating connection due to administrator command")
        wait_active(postgres, 0)
        assert one(program, "select count(*) from names") == 0


def test_serializable_transactions_are_tried_again(serve, postgres):
    postgres.sql("drop table if exists counted; create table counted (n int); insert into counted values (0)")
    program = serve()
    tries = together(6, lambda i: int(program.get("/serial").text))
    assert postgres.sql("select n from counted") == "6" and sum(tries) > 6, tries


def test_a_worker_that_leaves_finishes_transactions(serve, postgres):
    postgres.sql(NAMES)
    program = serve(FAREWELL=1)
    waiting = asked(program, "/rows?sql=" + quote("insert into names select 'late' from pg_sleep(0.5) returning name"))
    wait_active(postgres, 1)
    assert program.stop() == 0
    assert json.loads(waiting.read_response().body) == [{"name": "late"}]
    assert program.expect("farewell: 0 1")
    wait_until(lambda: postgres.sql("select count(*) from pg_stat_activity where application_name = 'pg'") == "0", "every connection is closed")


# ---- the pool

def test_who_waits_is_served_in_order(serve, postgres):
    postgres.sql("drop table if exists names; create table names (name text, n serial)")
    program = serve(POOL=1)
    first = asked(program, "/rows?sql=" + quote("select pg_sleep(0.3)"))
    wait_active(postgres, 1)
    waiting = []
    for n in range(20):
        waiting.append(asked(program, f"/order/{n}"))
        program.expect(f"asks {n}$")
    assert [connection.read_response().text for connection in waiting] == ["done"] * 20
    assert postgres.sql("select string_agg(name, ' ' order by n) from names") == " ".join(map(str, range(20)))
    assert first.read_response().status == 200


def test_a_pool_that_is_exhausted_says_so(serve, postgres):
    program = serve(POOL=2, QUEUE=3, WAIT=400)
    busy = [asked(program, "/rows?sql=" + quote(f"select pg_sleep(1.5), {n}")) for n in range(2)]
    wait_active(postgres, 2)
    got = together(5, lambda i: program.get("/rows?sql=select+1").status)
    assert got == [503] * 5
    program.expect("503 database: 3 queries wait for a connection already", count=2)
    program.expect("503 database: all 2 connections are in use, for 400 ms", count=3)
    assert [connection.read_response().status for connection in busy] == [200, 200]
    assert program.get("/rows?sql=select+1").status == 200


def test_who_waits_may_go_away(serve, postgres):
    postgres.sql(NAMES)
    program = serve(POOL=1)
    busy = asked(program, "/rows?sql=" + quote("select pg_sleep(0.5)"))
    wait_active(postgres, 1)
    waiting = [asked(program, f"/order/{n}") for n in range(6)]
    program.expect("asks", count=6)
    for connection in waiting[::2]:
        reset(connection)
    assert [connection.read_response().text for connection in waiting[1::2]] == ["done"] * 3
    assert busy.read_response().status == 200
    assert postgres.sql("select string_agg(name, ' ' order by name) from names") == "1 3 5"


def test_idle_connections_are_closed(serve, postgres):
    program = serve(POOL=4, IDLE=300)
    together(4, lambda i: rows(program, "select pg_sleep(0.2)"))
    wait_until(lambda: postgres.sql("select count(*) from pg_stat_activity where application_name = 'pg'") == "0", "idle ones are closed")
    assert one(program, "select 1") == 1


# ---- where the server is, and whether

def test_where_the_server_is(start, compile_once, postgres):
    port = postgres.port
    for conninfo in (postgres.socket, f"host=localhost port={port} user=tester dbname=postgres", f"postgresql://tester@localhost:{port}/postgres",
                     f"host=127.0.0.1,127.0.0.1 port=1,{port} user=tester dbname=postgres", f"host=no.such.host.invalid,localhost port={port} user=tester dbname=postgres",
                     f"hostaddr=127.0.0.1 host=whatever.invalid port={port} user=tester dbname=postgres"):
        program = start([compile_once("pg")], env={"DATABASE_URL": conninfo})
        assert one(program, "select 1") == 1, conninfo
    program = start([compile_once("pg")], env={"PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": "tester", "PGDATABASE": "postgres"})
    assert one(program, "select 1") == 1


def test_a_conninfo_that_cannot_be_read(start, compile_once):
    program = start([compile_once("pg")], env={"DATABASE_URL": "host=x nonsense=1"}, wait_ready=False)
    assert program.wait() == 1 and program.expect('sl_pg_new: invalid connection option "nonsense"')


def test_a_server_that_is_not_there(serve, start, compile_once):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        url = f"postgresql://tester@127.0.0.1:{nobody.getsockname()[1]}/postgres"
        program = start([compile_once("pg")], env={"DATABASE_URL": url, "WAIT": "300"})
        begun = time.monotonic()
        assert program.get("/rows?sql=select+1").status == 503
        assert time.monotonic() - begun >= 0.3
        program.expect("database: no connection, trying again: .*Connection refused")
        program.expect("503 database: no connection(?: within 300 ms)?: .*Connection refused")
        begun = time.monotonic()
        assert together(20, lambda i: program.get("/rows?sql=select+1").status) == [503] * 20  # at once, as it is known by now
        assert program.get("/hello").status == 200
        program = start([compile_once("pg")], env={"DATABASE_URL": url, "WAIT": "200", "REQUIRED": "1"}, wait_ready=False)
        program.expect("database: required, but no connection")
        program.kill()


def test_a_server_that_does_not_answer(start, compile_once):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"postgresql://tester@127.0.0.1:{silent.getsockname()[1]}/postgres"
        program = start([compile_once("pg")], env={"DATABASE_URL": url, "WAIT": "400", "CONNECT": "200"})
        assert program.get("/rows?sql=select+1").status == 503
        program.expect("no connection.*no answer within 200 ms")
        assert program.stop() == 0


def test_a_server_that_restarts_between_queries(serve, postgres):
    program = serve(POOL=3)
    together(3, lambda i: rows(program, "select pg_sleep(0.1)"))
    postgres.stop()
    postgres.start()
    assert together(6, lambda i: request(program.port, "/rows?sql=select+1").status) == [200] * 6
    assert not program.matches(" error ")


def test_requests_wait_for_a_server_that_restarts(serve, postgres):
    program = serve(POOL=3, WAIT=20000)
    assert one(program, "select 1") == 1
    postgres.stop()
    waiting = [asked(program, f"/rows?sql=select+{n}+as+n") for n in range(8)]
    program.expect("database: no connection, trying again")
    postgres.start()
    assert [json.loads(connection.read_response().body) for connection in waiting] == [[{"n": n}] for n in range(8)]
    program.expect("database: connected again after")


def test_a_server_that_is_killed_under_load(serve, postgres):
    """Nothing that was answered is lost, what was lost is said, and it goes on by itself."""
    postgres.sql(NAMES)
    program = serve(POOL=4, WAIT=10000)
    acknowledged, statuses, stop, lock = [], set(), threading.Event(), threading.Lock()

    def ask(i):
        n = 0
        with Connection(program.port) as connection:
            while not stop.is_set():
                n += 1
                status = connection.get(f"/unique/{i}-{n}").status
                with lock:
                    statuses.add(status)
                    if status == 201:
                        acknowledged.append(f"{i}-{n}")

    threads = [threading.Thread(target=ask, args=[i], daemon=True) for i in range(8)]
    for thread in threads:
        thread.start()
    for kill in (postgres.kill, postgres.stop):
        goal = len(acknowledged) + 50
        wait_until(lambda: len(acknowledged) >= goal, "requests are answered")
        kill()
        postgres.start()
    goal = len(acknowledged) + 50
    wait_until(lambda: len(acknowledged) >= goal, "requests are answered again")
    stop.set()
    for thread in threads:
        thread.join(PATIENCE)
    assert statuses <= {201, 500, 503}
    kept = set(postgres.sql("select name from names").split())
    assert set(acknowledged) <= kept
    assert program.stop() == 0


@pytest.mark.parametrize("one_in", [30, 100])
def test_a_network_that_fails(start, compile_once, postgres, tmp_path, one_in):
    """Sends and receives of libpq are cut, interrupted and broken off: errors are said, nothing that was answered is lost, nobody hangs."""
    postgres.sql(NAMES)
    library = tmp_path / "faults.so"
    subprocess.run([COMPILER, "-shared", "-fPIC", "-O1", "-D_GNU_SOURCE", ROOT / "tests/e2e/programs/pgfaults.c", "-o", library], check=True)
    program = start([compile_once("pg")], env={"DATABASE_URL": postgres.url, "POOL": "4", "STATEMENTS": "2", "LD_PRELOAD": str(library),
                                               "FAULTS_PORT": str(postgres.port), "FAULTS_ONE_IN": str(one_in)})
    paths = ["/unique/{}", "/rows?sql=select+1", "/rows?sql=select+generate_series(1,200)", "/transaction/{}", "/sum/300", "/quick"]

    def ask(i):
        done, seen = [], set()
        with Connection(program.port) as connection:
            for n in range(40):
                status = connection.get(paths[(i + n) % 6].format(f"{i}-{n}") if n % 20 < 19 else "/rows?sql=select+pg_sleep(0.001)").status
                seen.add(status)
                if status == 201 or status == 200 and (i + n) % 6 == 3 and n % 20 < 19:
                    done.append(f"{i}-{n}")
        return done, seen

    got = together(8, ask)
    acknowledged, statuses = [name for done, _ in got for name in done], set().union(*(seen for _, seen in got))
    assert statuses <= {200, 201, 500, 503, 504} and {200, 201, 500} <= statuses
    assert len(acknowledged) > 20 and set(acknowledged) <= set(postgres.sql("select name from names").split())
    assert program.get("/hello").status == 200 and program.stop() == 0
    postgres.sql("select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep%' and pid <> pg_backend_pid()")  # of broken connections
    wait_active(postgres, 0)


# ---- waiting holds up nobody

def test_a_thousand_waits_in_one_worker(serve, postgres):
    program = serve(POOL=20, WAIT=20000)
    naps = [asked(program, "/nap/1000") for _ in range(1000)]
    queries = [asked(program, "/rows?sql=" + quote(f"select pg_sleep(0.1), {n % 5} as n")) for n in range(200)]
    with Connection(program.port) as connection:
        for _ in range(100):
            assert connection.get("/hello").text == "hello"
    most = [int(connection.read_response().text) for connection in naps]
    assert max(most) > 900
    assert [json.loads(connection.read_response().body)[0]["n"] for connection in queries] == [n % 5 for n in range(200)]
    assert active(postgres) == 0
