#!/usr/bin/env bash
# usage: tests/run.sh [--all] [-- CTEST-ARGUMENT...]
#
# Installs what is missing, builds everything, checks the sources' format and the scripts, and
# runs every test. Ends with ctest's summary.
#
#   --all   after that, build and test it all once more with AddressSanitizer and
#           UndefinedBehaviorSanitizer, read the sources with clang-tidy, and give each fuzz
#           target a short run; and try the report's page in Chromium
#   --      what follows goes to ctest, as in: tests/run.sh -- -R policy
#
# Exit status: 0 when everything passed.

set -euo pipefail
# shellcheck source=contrib/common.sh
. "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/../contrib/common.sh"

all=no
ctest_arguments=()
while (($#)); do
  case $1 in
  -h | --help) usage && exit ;;
  --all) all=yes ;;
  --)
    shift
    ctest_arguments=("$@")
    break
    ;;
  *) die "unknown option: $1" "see ${0##*/} --help; arguments for ctest go after --" ;;
  esac
  shift
done

# Our files of these patterns; build folders and hidden ones are not ours.
sources() {
  local pattern names=()
  for pattern in "$@"; do
    names+=(-o -name "$pattern")
  done
  find . -mindepth 1 '(' -name 'build*' -type d -o -name '.?*' -type d ! -name .ci ')' -prune -o -type f \
    '(' "${names[@]:1}" ')' -print0
}

# test_with PRESET: configure, build all targets, run every test
test_with() {
  local preset=$1
  logged "$log" "Configuring ($preset)" cmake --preset "$preset"
  logged "$log" "Building everything ($preset)" cmake --build --preset "$preset"
  ctest --preset "$preset" --no-tests=error "${ctest_arguments[@]}"
}

cd -- "$root"
groups=(build unbound demo lab test check)
if [[ $all == yes ]]; then groups+=(clang browser); fi
contrib/install-packages.sh "${groups[@]}"
contrib/unbound/build.sh

mkdir -p -- build
log=$root/build/tests-run.log
: >"$log"
sources '*.hpp' '*.cpp' '*.h' '*.c' | xargs -0 -r clang-format --dry-run -Werror ||
  die "the format of these sources differs from .clang-format" "run: clang-format -i FILE..."
sources '*.sh' run | xargs -0 shellcheck -x ||
  die "shellcheck has something to say about these scripts"
say "Format and scripts: fine"

if [[ $all == no ]]; then
  test_with default
  say "Left out: the sanitizers, clang-tidy, the fuzzers and, unless Chromium is here, the report's page (tests/run.sh --all)"
  exit
fi

test_with default
contrib/unbound/build.sh --sanitize address,undefined --link build-asan/unbound
# clang-tidy reads while it compiles; the objects are of no use.
logged "$log" "Configuring (tidy)" cmake --preset tidy
logged "$log" "Reading the sources with clang-tidy" cmake --build --preset tidy
test_with asan
test_with fuzz
say "Left out: ThreadSanitizer (cmake --preset tsan), a long run of the fuzzers (tests/fuzz.sh SECONDS)"
