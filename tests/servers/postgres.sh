#!/bin/sh
# A private PostgreSQL for tests.   Usage: postgres.sh available | start DIRECTORY [OWNER_PID] | stop DIRECTORY
# start makes a cluster in DIRECTORY (new, of our own), on a free loopback port, with a random password and TLS where openssl is
# to be had, and prints its URL. It is stopped and removed by stop, or when the process OWNER_PID ends. Never runs as root: as the
# user postgres, else nobody. Nothing is made durable.
set -eu
script=$(cd "$(dirname "$0")" && pwd)/$(basename "$0")

bin_directory() {
    for found in "${MARROW_POSTGRES_BIN:-}" /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /usr/local/pgsql/bin; do
        [ -x "$found/initdb" ] && [ -x "$found/postgres" ] && last=$found
    done
    if [ -z "${last:-}" ] && command -v initdb >/dev/null && command -v postgres >/dev/null; then
        last=$(dirname "$(command -v initdb)")
    fi
    [ -n "${last:-}" ] && printf '%s\n' "$last"
}
bin=$(bin_directory) || { echo "postgres.sh: no PostgreSQL server is installed" >&2; exit 3; }

# As somebody who is not root.
plain() {
    if [ "$(id -u)" != 0 ]; then "$@"; return; fi
    user=nobody
    ! id postgres >/dev/null 2>&1 || user=postgres
    if command -v setpriv >/dev/null; then
        setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups -- "$@"
    else
        su -s /bin/sh "$user" -c 'exec "$@"' -- sh "$@"
    fi
}
in_c() { plain env -i PATH="$PATH" HOME="$directory" LC_ALL=C.UTF-8 TZ=UTC "$@"; }

start() {
    directory=$1 owner=${2:-}
    mkdir -p "$directory"
    directory=$(cd "$directory" && pwd)
    [ "$(id -u)" != 0 ] || chown "$(plain id -u):$(plain id -g)" "$directory"
    chmod 700 "$directory"
    password=$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')
    (umask 077 && printf '%s\n' "$password" | plain tee "$directory/password" >/dev/null)
    in_c "$bin/initdb" -D "$directory/data" -U marrow --pwfile="$directory/password" -A scram-sha-256 -E UTF8 --locale=C.UTF-8 \
        --no-sync >"$directory/log" 2>&1 || { cat "$directory/log" >&2; exit 1; }
    tls=off
    if command -v openssl >/dev/null && in_c openssl req -new -x509 -days 2 -nodes -subj /CN=localhost -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 \
        -keyout "$directory/data/server.key" -out "$directory/data/server.crt" >>"$directory/log" 2>&1; then
        plain chmod 600 "$directory/data/server.key"
        tls=on
    fi
    printf '%s\n' "listen_addresses = '127.0.0.1'" "unix_socket_directories = '$directory'" "ssl = $tls" "fsync = off" \
        "synchronous_commit = off" "full_page_writes = off" "shared_buffers = 64MB" "max_wal_size = 512MB" "jit = off" \
        "wal_level = minimal" "max_wal_senders = 0" "log_min_messages = fatal" |
        plain tee -a "$directory/data/postgresql.conf" >/dev/null
    for attempt in 1 2 3 4 5 6 7 8; do
        port=$((20000 + $(od -An -N2 -tu2 /dev/urandom) % 30000 + attempt))
        if in_c "$bin/pg_ctl" -D "$directory/data" -o "-p $port" -l "$directory/server.log" -w -t 30 start >/dev/null 2>&1; then
            watch "$owner" "$directory"
            printf 'postgresql://marrow:%s@127.0.0.1:%s/postgres\n' "$password" "$port"
            return
        fi
    done
    cat "$directory/log" "$directory/server.log" >&2
    exit 1
}

# When the owner has ended, stop (a test that crashed leaves nothing behind). In a session of its own: what kills the test's
# process group must not kill this.
watch() {
    [ -n "$1" ] || return 0
    own_session=''
    ! command -v setsid >/dev/null || own_session=setsid
    $own_session sh "$script" watch "$1" "$2" </dev/null >/dev/null 2>&1 &
}
watch_owner() {
    while kill -0 "$1" 2>/dev/null && [ -d "$2/data" ]; do sleep 1; done
    stop "$2"
}

stop() {
    directory=$1
    [ -f "$directory/data/PG_VERSION" ] || return 0
    in_c "$bin/pg_ctl" -D "$directory/data" -m immediate -w -t 30 stop >/dev/null 2>&1 || true
    rm -rf "$directory"
}

case ${1:-} in
available) ;;
start) start "$2" "${3:-}" ;;
watch) watch_owner "$2" "$3" ;; # start's own
stop) stop "$2" ;;
*) echo "usage: postgres.sh available | start DIRECTORY [OWNER_PID] | stop DIRECTORY" >&2; exit 2 ;;
esac
