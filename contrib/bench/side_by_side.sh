#!/usr/bin/env bash
# usage: contrib/bench/side_by_side.sh [option]...
#
# Measures, on this machine and in one run: Unbound without the module, with nearmiss, and with its
# own RPZ (with and without its log), BIND's RPZ and PowerDNS Recursor's RPZ, all over the same
# 1,000,000 names. Prints a table of medians and ratios and bars; writes results.json, table.txt
# and side_by_side.svg to the output directory. Row `decision` is of the module's parts alone, by the
# Google Benchmark programs nearmiss_bench_decision and nearmiss_bench_lookalike, if they are built.
#
#   --rounds N      interleaved rounds a row, A B, B A, ... (default 5)
#   --seconds S     length of one run of the load (default 4)
#   --names N       listed names (default 1000000)
#   --only ROW,...  decision, instructions (needs valgrind), start, cached, uncached, unpoliced, blocked, reload, and with two threads
#                   cached-2, uncached-2, blocked-2 (default: all)
#   --quick         a smoke run: 20000 names, 2 rounds of 1 s; its figures mean nothing
#   --out DIR       where results go (default: build/bench)
#   --seed N        of the names (default 1)
#   --keep          keep the scratch directory: configurations, logs, events
#   UNBOUND_BIN, NEARMISS_SO   instead of build/unbound/unbound and build/module/nearmiss.so
#
# Without nearmiss.so the other servers are measured all the same. What it takes from Debian (BIND,
# PowerDNS Recursor, NSD, dnsperf, gnuplot) is unpacked in the cache, not installed, so that no
# daemon starts. Servers listen on 127.0.0.0/8 and end with this script. Two processors are used:
# one for the server being measured, one for the load and the authoritative server.

set -euo pipefail
# shellcheck source=contrib/common.sh
. "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/../common.sh"

case ${1-} in
-h | --help) usage && exit ;;
esac

packages=(bind9 pdns-recursor nsd dnsperf gnuplot-nox)
programs=(named pdns_recursor nsd nsd-control dnsperf gnuplot-nox)
# What apt thinks is installed need not be downloaded, so the directory fits this machine alone.
tools=$cache/packages/bench
export PATH=$PATH:$tools/usr/sbin:$tools/usr/bin

# Downloads what is missing of the packages and of what they depend on; locks and installs nothing.
download() {
  apt-get -y -q install --download-only --no-install-recommends --no-remove \
    -o Debug::NoLocking=1 -o Dir::Cache::archives="$1" "${packages[@]}"
}

unpack_tools() {
  local work
  work=$(mktemp -d -- "${TMPDIR:-/tmp}/nearmiss-bench.XXXXXX")
  mkdir -p -- "$work/partial" "$work/root" "$cache/packages"
  if ! download "$work"; then
    apt-get -q -o DPkg::Lock::Timeout=300 update # the lists are empty or too old
    download "$work" || return
  fi
  for package in "$work"/*.deb; do
    dpkg-deb -x "$package" "$work/root"
  done
  rm -rf -- "$tools"
  mv -T -- "$work/root" "$tools"
  chmod 755 -- "$tools"
  rm -rf -- "$work"
}

missing() {
  local program
  for program in "${programs[@]}"; do
    command -v "$program" >/dev/null || printf '%s ' "$program"
  done
}

if [[ -n $(missing) ]]; then
  log=$(mktemp -- "${TMPDIR:-/tmp}/nearmiss-apt.XXXXXX")
  logged "$log" "Fetching ${packages[*]}" unpack_tools
  [[ -z $(missing) ]] || die "still missing: $(missing)" "see $log"
  rm -f -- "$log"
fi

UNBOUND_BIN=${UNBOUND_BIN:-$root/build/unbound/unbound}
NEARMISS_SO=${NEARMISS_SO:-$root/build/module/nearmiss.so}
[[ -x $UNBOUND_BIN ]] || die "there is no Unbound at $UNBOUND_BIN" \
  "run contrib/unbound/build.sh, or set UNBOUND_BIN"
[[ -e $NEARMISS_SO ]] || say "There is no module at $NEARMISS_SO: the other servers are measured."
export UNBOUND_BIN NEARMISS_SO
machine=$(uname -m)
export BENCH_LIBRARIES=$tools/usr/lib/$machine-linux-gnu BENCH_OUT=$root/build/bench
export BENCH_PROGRAMS=$root/build/contrib/bench
command -v python3 >/dev/null || die "python3 is missing" "apt-get install python3"
exec python3 -B "$root/contrib/bench/side_by_side.py" "$@"
