#!/usr/bin/env bash
# usage: contrib/bench/decision.sh
#
# What one decision about a name that is not listed costs, beside 1,000, 1,000,000 and 10,000,000
# that are: first the time, and as its measure the time of one read from a random place of a table
# as large as the index's filter; then the instructions, which no other work on the machine changes.
# Needs the build (tests/run.sh) and valgrind.

set -euo pipefail
# shellcheck source=contrib/common.sh
. "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/../common.sh"

case ${1-} in -h | --help) usage && exit ;; esac
decision=$root/build/contrib/bench/nearmiss_bench_decision
[[ -x $decision ]] || die "$decision is missing" "run: cmake --preset default && cmake --build --preset default"
command -v callgrind_annotate >/dev/null || die "valgrind is missing" "run: apt-get install valgrind"

"$decision" --benchmark_filter='covers_miss|memory_read'

counts=$(mktemp -- "${TMPDIR:-/tmp}/nearmiss-decision.XXXXXX")
trap 'rm -f -- "$counts"' EXIT
covers='nearmiss::Policy::covers(nearmiss::Name const&, unsigned short) const'
for names in 1000 1000000 10000000; do
  valgrind --quiet --tool=callgrind --callgrind-out-file="$counts" --toggle-collect="$covers" \
    "$decision" --benchmark_filter="covers_miss/$names\$" --benchmark_min_time=0.1 >/dev/null 2>&1
  # The line of the caller says what all calls cost together, and how many they were. The program
  # warns of lines of code that it does not find.
  callgrind_annotate --inclusive=yes --tree=caller "$counts" 2>/dev/null |
    sed -n 's/^ *\([0-9,]*\) .* < .*measure_covers.* (\([0-9,]*\)x) .*/\1 \2/p' | tr -d , |
    awk -v names="$names" \
      '{printf "%10d names listed: %6.1f instructions a decision, of %d\n", names, $1 / $2, $2}
       END {exit NR != 1}' || die "callgrind_annotate says nothing of covers()" "see $covers in contrib/bench/decision.sh"
done
