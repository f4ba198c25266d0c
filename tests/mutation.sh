#!/bin/sh
# Breaks the module on purpose, in one way after another, and expects the tests to notice.
#
#   tests/mutation.sh [BUILD_FOLDER] [MUTANT...]
#
# Each file in tests/mutants/ is a patch whose second line names the tests that must fail. Works on a
# copy of the tree; BUILD_FOLDER (default: build) has the tests and names the Unbound. Needs root, as
# the tests do. Ends with `N killed, N survived`, and with 1 if any survived.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=$root/build
if [ $# -gt 0 ]; then
  build=$(cd "$1" && pwd)
  shift
fi
: "${NEARMISS_LEAK_QUERIES:=20000}"
export NEARMISS_LEAK_QUERIES
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

setting() { sed -n "s/^$1:[A-Z]*=//p" "$build/CMakeCache.txt"; }
mkdir "$scratch/tree"
(cd "$root" && tar cf - CMakeLists.txt rules config module contrib) | tar xf - -C "$scratch/tree"
cmake -G "$(setting CMAKE_GENERATOR)" -S "$scratch/tree" -B "$scratch/build" \
  -DNEARMISS_BUILD_TESTS=OFF \
  -DUNBOUND_SOURCE_DIR="$(setting UNBOUND_SOURCE_DIR)" \
  -DUNBOUND_BUILD_DIR="$(setting UNBOUND_BUILD_DIR)" > "$scratch/cmake.log"
build_module() { cmake --build "$scratch/build" --target nearmiss > "$scratch/build.log" 2>&1; }
run_tests() {
  NEARMISS_SO=$scratch/build/module/nearmiss.so \
    timeout 1800 "$build/tests/e2e/nearmiss_e2e" --abort "$1" > "$scratch/tests.log" 2>&1
}

# Tests that fail anyhow, or that run another module than the broken one, would prove nothing.
build_module || { cat "$scratch/build.log"; exit 2; }
[ $# -gt 0 ] || set -- "$root"/tests/mutants/*.patch
patch_of() { case $1 in */*) echo "$1" ;; *) echo "$root/tests/mutants/$1.patch" ;; esac; }
all=$(for mutant in "$@"; do sed -n '2s/^# test: //p' "$(patch_of "$mutant")"; done | sort -u | paste -sd,)
if ! run_tests "$all"; then
  cat "$scratch/tests.log"
  echo "the tests must pass before the module is broken"
  exit 2
fi
rm "$scratch/build/module/nearmiss.so"
if run_tests "[wire]"; then
  echo "the tests do not use the module that NEARMISS_SO names"
  exit 2
fi

killed=0 survived=0
for mutant in "$@"; do
  mutant=$(patch_of "$mutant")
  name=$(basename "$mutant" .patch)
  tests=$(sed -n '2s/^# test: //p' "$mutant")
  patch -d "$scratch/tree" -p1 -s < "$mutant" || { echo "$name: does not apply any more"; exit 2; }
  build_module || { cat "$scratch/build.log"; echo "$name: does not build"; exit 2; }
  if run_tests "$tests"; then
    survived=$((survived + 1))
    echo "$name: SURVIVED $tests"
  elif grep -q 'assertions: .* failed' "$scratch/tests.log"; then
    killed=$((killed + 1))
    echo "$name: killed by $tests"
  else
    cat "$scratch/tests.log"
    echo "$name: the tests did not run to their end"
    exit 2
  fi
  patch -d "$scratch/tree" -p1 -s -R < "$mutant"
done
echo "$killed killed, $survived survived"
[ "$survived" -eq 0 ]
