#!/usr/bin/env bash
# usage: tests/fuzz.sh SECONDS [TARGET]...
#
# Runs the fuzz targets (all of them, or those named), one after another, for SECONDS in all, and
# prints for each how many inputs it ran and what it found. Builds them first, with clang.
#
# What is learnt stays in build-fuzz/corpus/TARGET and is where the next run begins. An input that
# broke something is in build-fuzz/findings/TARGET; to see it again:
#
#   build-fuzz/tests/fuzz/nearmiss_fuzz_TARGET build-fuzz/findings/TARGET/FILE
#
# When it is fixed, put the input into tests/fuzz/corpus/TARGET under a name that says what it is.
#
# Exit status: 0 when nothing was found, 1 when something was.

set -euo pipefail
# shellcheck source=contrib/common.sh
. "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/../contrib/common.sh"

case ${1-} in
-h | --help) usage && exit ;;
'' | *[!0-9]*) die "how many seconds?" "see ${0##*/} --help" ;;
esac
seconds=$1
shift

cd -- "$root"
contrib/install-packages.sh build unbound clang
contrib/unbound/build.sh # whose parser the target `packet` uses
mkdir -p -- build-fuzz
log=$root/build-fuzz/fuzz.log
: >"$log"
logged "$log" "Configuring (fuzz)" cmake --preset fuzz
logged "$log" "Building the fuzz targets" cmake --build --preset fuzz --target nearmiss_fuzz_all

targets=("$@")
if ((${#targets[@]} == 0)); then
  for corpus in tests/fuzz/corpus/*/; do
    targets+=("$(basename -- "$corpus")")
  done
fi
each=$((seconds / ${#targets[@]}))
((each > 0)) || die "$seconds seconds are too few for ${#targets[@]} targets"

# statistic NAME FILE: a number from libFuzzer's report at the end
statistic() { sed -n "s/^stat::$1: *//p" "$2" | tail -n 1; }

found=0
printf '%-12s %8s %14s %10s\n' target seconds executions findings
for target in "${targets[@]}"; do
  program=build-fuzz/tests/fuzz/nearmiss_fuzz_$target
  [[ -x $program ]] || die "there is no target $target" "the targets are the directories of tests/fuzz/corpus"
  learnt=build-fuzz/corpus/$target
  findings=build-fuzz/findings/$target
  report=build-fuzz/$target.log
  mkdir -p -- "$learnt" "$findings"
  before=$(find "$findings" -type f | wc -l)
  options=(-max_total_time="$each" -max_len=4096 -timeout=100 -rss_limit_mb=3000 -print_final_stats=1
    -artifact_prefix="$findings/")
  if [[ -f tests/fuzz/$target.dict ]]; then options+=(-dict="tests/fuzz/$target.dict"); fi
  begun=$SECONDS
  "$program" "${options[@]}" "$learnt" "tests/fuzz/corpus/$target" >"$report" 2>&1 || true
  new=$(($(find "$findings" -type f | wc -l) - before))
  executions=$(statistic number_of_executed_units "$report")
  [[ -n $executions ]] || die "$program ended without a report" "see $report"
  printf '%-12s %8d %14d %10d\n' "$target" $((SECONDS - begun)) "$executions" "$new"
  found=$((found + new))
done
if ((found > 0)); then
  say "What was found is in build-fuzz/findings, the reports in build-fuzz/TARGET.log"
  exit 1
fi
