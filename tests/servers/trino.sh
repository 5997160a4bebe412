#!/bin/sh
# A Trino server of one node on loopback, for tests: tests/servers/trino.sh start | stop | url
#
# start  fetches Trino 435 once (Maven, about 400 MB, into the user's cache folder), starts it, waits until it answers
#        queries and prints its URL. Catalogs: hive and pushed (Parquet in local folders, file metastores), memory, tpch.
# again  starts one that was killed once more, with the data that it had.
# stop   stops it and removes its data.
# url    prints the URL of the server that runs; status 1 where none does.
# Status 77: cannot be had here (no Java 17, no Maven, or its registry does not answer); the reason is on stderr.
# The server is put together from its published jars and plug-ins, without Hadoop: no registry need carry the 1 GB archive of all.
# The Hive connector works on Trino's own local file system: a file's location is local:///PATH.
# Settings: MARROW_TRINO_DIR (state; default ${TMPDIR:-/tmp}/marrow-trino-UID), MARROW_TRINO_PORT (18080), MARROW_CACHE.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
version=435
port=${MARROW_TRINO_PORT:-18080}
state=${MARROW_TRINO_DIR:-${TMPDIR:-/tmp}/marrow-trino-$(id -u)}
cache=${MARROW_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/marrow}/trino-$version
dependency=org.apache.maven.plugins:maven-dependency-plugin:3.6.1

say() { printf '%s\n' "$*" >&2; }
skip() {
    say "SKIPPED: no Trino here: $*"
    exit 77
}

running() { [ -f "$state/pid" ] && kill -0 "$(cat "$state/pid")" 2>/dev/null; }
print_url() { printf 'trino://marrow@127.0.0.1:%s/hive/marrow?files=%s&location=local://%s\n' "$(cat "$state/port")" "$state/files" "$state/files"; }

maven() { mvn -B -q "$@" >"$cache.log" 2>&1 || skip "Maven could not fetch it ($cache.log): $(grep -m 1 ERROR "$cache.log" | cut -c 1-200)"; }

# A plug-in is published as a zip with one folder NAME-VERSION of jars.
fetch_plugin() {
    maven "$dependency:copy" -Dartifact="io.trino:trino-$1:$version:zip" -DoutputDirectory="$part"
    (cd "$part/plugin" && jar xf "../trino-$1-$version.zip" && mv "trino-$1-$version" "$1")
    rm "$part/trino-$1-$version.zip"
}

fetch() {
    [ ! -f "$cache/complete" ] || return 0
    command -v mvn >/dev/null || skip "mvn is not installed (apt-get install maven)"
    mkdir -p "$(dirname "$cache")"
    part=$cache.part.$$
    rm -rf "$part" && mkdir -p "$part/plugin"
    trap 'rm -rf "$part"' EXIT
    say "fetching Trino $version into $cache"
    cp "$here/trino/pom.xml" "$part/pom.xml"
    maven -f "$part/pom.xml" "$dependency:copy-dependencies" -DincludeScope=runtime -DoutputDirectory="$part/lib"
    for plugin in hive memory tpch; do fetch_plugin $plugin; done
    touch "$part/complete"
    rm -rf "$cache" && mv "$part" "$cache"
    trap - EXIT
}

# The plug-ins as fetched, and ours beside the Hive connector that it wraps.
install_plugins() {
    mkdir -p "$state/plugin/hive" "$state/ours/META-INF/services"
    for plugin in memory tpch; do ln -s "$cache/plugin/$plugin" "$state/plugin/$plugin"; done
    ln -s "$cache"/plugin/hive/*.jar "$state/plugin/hive/"
    printf 'LocalHive\n' >"$state/ours/META-INF/services/io.trino.spi.Plugin"
    javac -cp "$cache/plugin/hive/*:$cache/lib/*" -proc:none -d "$state/ours" "$here/trino/LocalHive.java"
    jar cf "$state/plugin/hive/local-hive.jar" -C "$state/ours" .
}

configure() {
    rm -rf "$state"
    mkdir -p "$state/catalog" "$state/hive" "$state/pushed" "$state/files" "$state/data"
    for template in "$here"/trino/*.properties; do
        name=$(basename "$template")
        [ "$name" = config.properties ] && target=$state/$name || target=$state/catalog/$name
        sed "s|@PORT@|$port|g; s|@STATE@|$state|g; s|@CACHE@|$cache|g" "$template" >"$target"
    done
    printf '%s\n' "$port" >"$state/port"
    install_plugins
}

launch() {
    nohup java -Xmx2G -XX:+UseG1GC -XX:+ExitOnOutOfMemoryError -XX:-OmitStackTraceInFastThrow -XX:ReservedCodeCacheSize=256M \
        -Djdk.attach.allowAttachSelf=true -Djdk.nio.maxCachedBufferSize=2000000 -Dfile.encoding=UTF-8 \
        -Dconfig="$state/config.properties" -Dnode.environment=test -Dnode.id=marrow -Dnode.data-dir="$state/data" \
        -Dnode.bind-ip=127.0.0.1 -Dnode.internal-address=127.0.0.1 \
        -cp "$cache/lib/*" "$here/trino/Start.java" >"$state/server.log" 2>&1 &
    echo $! >"$state/pid"
}

# One statement over the bare protocol; true when it finished without an error.
ask() {
    answer=$(curl -fsS -m 20 -H 'X-Trino-User: marrow' -d "$1" "http://127.0.0.1:$port/v1/statement" 2>/dev/null) || return 1
    while :; do
        case $answer in *'"error":'*) return 1 ;; esac
        next=$(printf '%s' "$answer" | sed -n 's/.*"nextUri":"\([^"]*\)".*/\1/p')
        [ -n "$next" ] || return 0
        answer=$(curl -fsS -m 20 "$next" 2>/dev/null) || return 1
    done
}

wait_until_ready() {
    waited=0
    until ask 'CREATE SCHEMA IF NOT EXISTS hive.marrow' && ask 'CREATE SCHEMA IF NOT EXISTS pushed.marrow'; do
        running || { say "the Trino server ended while starting; the end of $state/server.log:" && tail -n 20 "$state/server.log" >&2 && exit 1; }
        waited=$((waited + 1))
        [ $waited -lt 180 ] || { say "the Trino server did not answer in 3 minutes ($state/server.log)" && stop && exit 1; }
        sleep 1
    done
}

start() {
    if running; then
        print_url
        return
    fi
    command -v curl >/dev/null || skip "curl is not installed"
    command -v javac >/dev/null || skip "no Java development kit is installed (apt-get install openjdk-17-jdk-headless)"
    java -version 2>&1 | grep -qE '"(1[7-9]|2[0-9])\.' || skip "Java 17 or later is needed"
    fetch
    configure
    launch
    wait_until_ready
    print_url
}

again() {
    [ -f "$state/port" ] || { say "there is no server in $state" && exit 1; }
    port=$(cat "$state/port")
    launch
    wait_until_ready
}

stop() {
    if running; then
        pid=$(cat "$state/pid")
        kill "$pid"
        waited=0
        while kill -0 "$pid" 2>/dev/null && [ $waited -lt 100 ]; do
            sleep 0.1
            waited=$((waited + 1))
        done
        kill -9 "$pid" 2>/dev/null || true
    fi
    rm -rf "$state"
}

case ${1:-} in
start) start ;;
again) again ;;
stop) stop ;;
url) running && print_url ;;
*) say "usage: tests/servers/trino.sh start | again | stop | url" && exit 2 ;;
esac
