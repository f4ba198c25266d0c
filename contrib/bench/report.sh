#!/usr/bin/env bash
# usage: contrib/bench/report.sh [EVENTS]
#
# How long `nearmiss report` takes for a log of EVENTS events (10,000,000 unless given), and how much
# memory: as a file, compressed, and with nine of ten messages for a domain that is asked for once.
# Needs the build (tests/run.sh) and, for 10,000,000 events, 15 GB in $TMPDIR.

set -euo pipefail
# shellcheck source=contrib/common.sh
. "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/../common.sh"

case ${1-} in -h | --help) usage && exit ;; esac
events=${1:-10000000}
nearmiss=$root/build/contrib/cli/nearmiss
make_events=$root/build/tests/logs/nearmiss_make_events
for program in "$nearmiss" "$make_events"; do
  [[ -x $program ]] || die "$program is missing" "run: cmake --preset default && cmake --build --preset default"
done

folder=$(mktemp -d -- "${TMPDIR:-/tmp}/nearmiss-report.XXXXXX")
trap 'rm -rf -- "$folder"' EXIT

# measured WHAT COMMAND...: the command's processor and wall time and its greatest memory
measured() {
  local what=$1
  shift
  /usr/bin/python3 - "$what" "$@" <<'PYTHON'
import os, resource, subprocess, sys, time
what, *command = sys.argv[1:]
begun = time.monotonic()
subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
took = time.monotonic() - begun
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"{what:<44} {took:7.1f} s  {used.ru_utime + used.ru_stime:7.1f} s CPU"
      f"  {used.ru_maxrss / 1024:6.0f} MB")
PYTHON
}

log=$folder/events.jsonl
"$make_events" --events "$events" --days 90 >"$log"
printf '%s events, %s MB\n' "$events" "$(($(stat -c %s "$log") / 1000000))"
measured "report" "$nearmiss" report "$log"
measured "report --since, 30 of 90 days" "$nearmiss" report --since 2027-01-22 "$log"
measured "verify" "$nearmiss" verify "$log"
gzip -1 -- "$log"
measured "report, gzip" "$nearmiss" report "$log.gz"
rm -f -- "$log.gz"
"$make_events" --events "$events" --days 90 --flood 90 >"$log"
measured "report, 90 % of messages to domains asked once" "$nearmiss" report "$log"
