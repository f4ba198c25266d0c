#!/usr/bin/env bash
# usage: tests/run.sh [--all | --thorough] [--unbound-source DIR] [-- CTEST-ARGUMENT...]
#
# Installs what is missing, builds everything, checks the sources' format and the scripts, says
# which tests it leaves out, and runs the others. Ends with ctest's summary.
#
#   --all       with the tests that need large packages: Prometheus, ClickHouse, Chromium, clang's
#               fuzzers (a short run each), and the mail servers other than Postfix
#   --thorough  all that, then the sources read by clang-tidy, everything once more with
#               AddressSanitizer and UndefinedBehaviorSanitizer, and the resolver's tests with
#               ThreadSanitizer; an hour or two
#   --unbound-source DIR  build this source tree of Unbound instead of the system's source package
#   --          what follows goes to ctest, as in: tests/run.sh -- -R policy
#
# Exit status: 0 when everything passed.

set -euo pipefail
# shellcheck source=contrib/common.sh
. "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/../contrib/common.sh"

all=no
thorough=no
unbound_source=()
ctest_arguments=()
while (($#)); do
  case $1 in
  -h | --help) usage && exit ;;
  --all) all=yes ;;
  --thorough) all=yes thorough=yes ;;
  --unbound-source)
    unbound_source=(--source "$(value_of "$@")")
    shift
    ;;
  --)
    shift
    ctest_arguments=("$@")
    break
    ;;
  *) die "unknown option: $1" "see ${0##*/} --help; arguments for ctest go after --" ;;
  esac
  shift
done

# Our files of these patterns; build directories and hidden ones are not ours.
sources() {
  local pattern names=()
  for pattern in "$@"; do
    names+=(-o -name "$pattern")
  done
  find . -mindepth 1 '(' -name 'build*' -type d -o -name '.?*' -type d ! -name .ci ')' -prune -o -type f \
    '(' "${names[@]:1}" ')' -print0
}

# test_with PRESET [OPTION]: configure, build all targets, run every test
test_with() {
  local preset=$1
  logged "$log" "Configuring ($preset)" cmake --preset "$@"
  logged "$log" "Building everything ($preset)" cmake --build --preset "$preset"
  if ((${#ctest_arguments[@]})); then
    ctest --preset "$preset" "${ctest_arguments[@]}"
  else
    ctest --preset "$preset" --no-tests=error
  fi
}

if ((${#unbound_source[@]})); then unbound_source[1]=$(realpath -e -- "${unbound_source[1]}"); fi
cd -- "$root"
groups=(build unbound demo lab test resolvers pipeline check)
if [[ $all == yes ]]; then groups+=(clang siem mailers browser); fi
contrib/install-packages.sh "${groups[@]}"
contrib/unbound/build.sh "${unbound_source[@]}"

mkdir -p -- build
log=$root/build/tests-run.log
: >"$log"
# Another version formats otherwise; the sources are as 14 has them.
clang_format=14
if [[ $(clang-format --version) == *"version $clang_format."* ]]; then
  sources '*.hpp' '*.cpp' '*.h' '*.c' | xargs -0 -r clang-format --dry-run -Werror ||
    die "the format of these sources differs from .clang-format" "run: clang-format -i FILE..."
else
  say "Left out: the sources' format, which is that of clang-format $clang_format (here: $(clang-format --version))"
fi
sources '*.sh' run | xargs -0 shellcheck -x ||
  die "shellcheck has something to say about these scripts"
for mutant in tests/mutants/*.patch; do
  patch -p1 -s -f --dry-run <"$mutant" >>"$log" ||
    die "$mutant does not apply any more" "make it anew: the test it names must fail with it"
done
say "Scripts and mutants: fine"

if [[ $all == no ]]; then
  say "Left out: Prometheus, ClickHouse, Chromium, the mail servers other than Postfix, the fuzzers" \
    "(tests/run.sh --all); clang-tidy and the sanitizers (tests/run.sh --thorough)"
  test_with default -DNEARMISS_LARGE_TESTS=OFF
  exit
fi
if [[ $thorough == no ]]; then
  say "Left out: clang-tidy and the sanitizers (tests/run.sh --thorough); a long run of the fuzzers" \
    "(tests/fuzz.sh SECONDS)"
else
  # clang-tidy reads while it compiles; the objects are of no use.
  logged "$log" "Configuring (tidy)" cmake --preset tidy
  logged "$log" "Reading the sources with clang-tidy" cmake --build --preset tidy
  contrib/unbound/build.sh "${unbound_source[@]}" --sanitize address,undefined --link build-asan/unbound
  test_with asan
  contrib/unbound/build.sh "${unbound_source[@]}" --sanitize thread --link build-tsan/unbound
  test_with tsan
fi
test_with fuzz
test_with default -DNEARMISS_LARGE_TESTS=ON
