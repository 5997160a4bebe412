"""Servers for these suites: a private PostgreSQL (tests/servers/postgres.sh) and the Trino at MARROW_TRINO_URL."""
import atexit
import fnmatch
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from program import SOURCE  # noqa: E402

SCRIPT = os.path.join(SOURCE, "tests", "servers", "postgres.sh")
TRINO_SCRIPT = os.path.join(SOURCE, "tests", "servers", "trino.sh")


class Postgres:
    """A cluster of our own; None of them where PostgreSQL is not installed."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="marrow-pg-", dir="/tmp")
        os.chmod(self.directory, 0o755)
        self.data = os.path.join(self.directory, "server")
        made = subprocess.run(["sh", SCRIPT, "start", self.data, str(os.getpid())], capture_output=True, text=True)
        if made.returncode != 0:
            raise SystemExit(f"FAILED: PostgreSQL is installed but does not start: {made.stderr[:500]}")
        self.url = made.stdout.strip()
        atexit.register(self.stop)

    def pid(self):
        with open(os.path.join(self.data, "data", "postmaster.pid")) as file:
            return int(file.readline())

    def kill(self):
        """The server and its backends, as a power cut would."""
        group = self.pid()
        children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(group)], capture_output=True, text=True).stdout.split()
        for pid in [group, *map(int, children)]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def start_again(self):
        port = self.url.rsplit(":", 1)[1].split("/")[0]
        command = ["sh", "-c", "cd /; " 'for d in "${MARROW_POSTGRES_BIN:-}" /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /usr/local/pgsql/bin; do '
                   '[ -x "$d/pg_ctl" ] && bin=$d; done; exec "$bin/pg_ctl" -D "$1" -o "-p $2" -l "$3" -w -t 60 start', "sh",
                   os.path.join(self.data, "data"), port, os.path.join(self.data, "again.log")]
        if os.getuid() == 0:
            owner = os.stat(os.path.join(self.data, "data"))
            command = ["setpriv", f"--reuid={owner.st_uid}", f"--regid={owner.st_gid}", "--clear-groups", "--", *command]
        for _ in range(20):  # the memory of the dead may be in use for a moment
            done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            if done.returncode == 0:
                return
            time.sleep(0.5)
        raise SystemExit(f"FAILED: PostgreSQL does not start again: {done.stderr[:500]}")

    def stop(self):
        subprocess.run(["sh", SCRIPT, "stop", self.data], capture_output=True)
        subprocess.run(["rm", "-rf", self.directory])


def postgres():
    """A PostgreSQL, or None, said loudly."""
    if subprocess.run(["sh", SCRIPT, "available"], capture_output=True).returncode != 0:
        return None
    return Postgres()


def trino_url():
    return os.environ.get("MARROW_TRINO_URL") or None


def trino_query(url, sql):
    """Rows of one statement over Trino's own protocol, for looking at what Marrow left there."""
    parts = urllib.parse.urlsplit(url)
    catalog, schema = parts.path.strip("/").split("/")
    request = urllib.request.Request(f"http://{parts.hostname}:{parts.port}/v1/statement", sql.encode(), method="POST",
                                     headers={"X-Trino-User": "marrow", "X-Trino-Catalog": catalog, "X-Trino-Schema": schema})
    rows = []
    while request is not None:
        with urllib.request.urlopen(request, timeout=60) as response:
            answer = json.load(response)
        if "error" in answer:
            raise SystemExit(f"FAILED: Trino: {answer['error']['message'][:300]}")
        rows += answer.get("data", [])
        following = answer.get("nextUri")
        request = urllib.request.Request(following) if following else None
    return rows


def trino_schemas(url, like):
    return [row[0] for row in trino_query(url, "SELECT schema_name FROM information_schema.schemata") if fnmatch.fnmatch(row[0], like.replace("%", "*"))]


def trino_tables(url, schema):
    return [row[0] for row in trino_query(url, f"SELECT table_name FROM information_schema.tables WHERE table_schema = '{schema}'")]


def trino_forget(url, like):
    """Drop the schemas of that name with all that is in them."""
    for schema in trino_schemas(url, like):
        for table in trino_tables(url, schema):
            trino_query(url, f'DROP TABLE "{schema}"."{table}"')
        trino_query(url, f'DROP SCHEMA "{schema}"')


class Trino:
    """A server of our own, to be killed: the one at MARROW_TRINO_URL serves other suites too."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="marrow-trino-", dir="/tmp")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.environment = dict(os.environ, MARROW_TRINO_DIR=os.path.join(self.directory, "server"), MARROW_TRINO_PORT=str(self.port))
        atexit.register(self.stop)
        self.url = self.script("start")

    def script(self, verb):
        done = subprocess.run(["sh", TRINO_SCRIPT, verb], capture_output=True, text=True, env=self.environment)
        if done.returncode != 0 and verb != "stop":
            raise SystemExit(f"FAILED: Trino does not start: {done.stderr[:500]}")
        return done.stdout.strip()

    def kill(self):
        with open(os.path.join(self.directory, "server", "pid")) as file:
            os.kill(int(file.read()), signal.SIGKILL)

    def start_again(self):
        self.script("again")

    def stop(self):
        self.script("stop")
        subprocess.run(["rm", "-rf", self.directory])


class Wire:
    """A forwarder of TCP in front of a server, so that a connection can be cut in the middle."""

    def __init__(self, port):
        self.target, self.open, self.ends = port, True, set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            try:
                if not self.open:
                    raise OSError
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                client.close()
                continue
            self.ends |= {client, server}
            for source, target in ((client, server), (server, client)):
                threading.Thread(target=self.forward, args=(source, target), daemon=True).start()

    def forward(self, source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            self.ends.discard(end)
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        self.open = False
        for end in list(self.ends):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def mend(self):
        self.open = True

    def url(self, url):
        """The same URL through the wire."""
        return url.replace(f"127.0.0.1:{self.target}/", f"127.0.0.1:{self.port}/")
