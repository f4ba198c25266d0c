#!/usr/bin/env bash
# usage: contrib/packaging/try-commands.sh [--suite NAME] [--quickstart | --tests | --walk] [--ccache DIR]
#        [--unbound-source DIR]
#
# Runs this clone's two commands in a fresh Debian, made for it by debootstrap: contrib/quickstart.sh
# --lab --once, then tests/run.sh. Or it walks through contrib/packaging/README.md: the commands of that
# page's blocks, one after the other, in a fresh Debian with systemd as its first process.
#
#   --suite NAME           bookworm (default) or trixie
#   --quickstart, --tests  only that one of the two
#   --walk                 the walk through the page
#   --ccache DIR           share this cache of compiled files with the walk, to repeat it in minutes
#   --unbound-source DIR   an Unbound source tree, for a suite whose source package cannot be had
#
# The clone is copied as it is, without what was built. Needs root and the network; from nothing to the
# end of the tests it takes as long as on a new machine. Exit status: 0 when every command succeeded.

set -euo pipefail
# shellcheck source=contrib/common.sh
. "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/../common.sh"
# shellcheck source=contrib/packaging/roots.sh
. "$root/contrib/packaging/roots.sh"

suite=bookworm
what=(quickstart tests)
unbound_source=
shared=()
while (($#)); do
  case $1 in
  -h | --help) usage && exit ;;
  --suite)
    suite=$(value_of "$@")
    shift
    ;;
  --quickstart | --tests | --walk) what=("${1#--}") ;;
  --ccache)
    shared=("--bind=$(realpath -e -- "$(value_of "$@")"):/root/.cache/ccache")
    shift
    ;;
  --unbound-source)
    unbound_source=$(realpath -e -- "$(value_of "$@")")
    shift
    ;;
  *) die "unknown option: $1" "see ${0##*/} --help" ;;
  esac
  shift
done

log=$root/build/try-commands.log
mkdir -p -- "$root/build"
: >"$log"
"$root/contrib/install-packages.sh" packaging
trap shut_down EXIT

mebibytes() { du -smc -- "$@" | sed -n 's/\ttotal$//p'; }

from=$(base "$suite")
trial=$(copy "$suite" "try-commands.$suite")
mkdir -p -- "$trial/root/nearmiss"
if git -C "$root" rev-parse --is-inside-work-tree >/dev/null 2>&1; then
  git -C "$root" ls-files -z --cached --others --exclude-standard |
    tar -C "$root" --null --ignore-failed-read -T - -cf - 2>>"$log" | tar -C "$trial/root/nearmiss" -xf -
else
  tar -C "$root" --exclude='./build*' -cf - . | tar -C "$trial/root/nearmiss" -xf -
fi
options=()
if [[ -n $unbound_source ]]; then
  cp -r -- "$unbound_source" "$trial/root/unbound-source"
  options=(--unbound-source /root/unbound-source)
fi

# The commands of a page: the lines of its blocks that are marked as shell.
# shellcheck disable=SC2016 # the marks of a block
blocks() { sed -n '/^ *```sh$/,/^ *```$/{/```/!s/^ *//p;}' "$1"; }

# timed WHAT COMMAND...: in the root; with the seconds it took, and those that the processors worked
timed() {
  local title=$1
  shift
  say "== $title"
  # shellcheck disable=SC2016 # for the shell in the root
  enter "$trial" "TIMEFORMAT=== $title: %0R s, in which the processors worked %0U s for it, and %0S s in the kernel" \
    bash -c 'time "$@"' bash "$@" 2>&1 | tee -a "$log"
}

for each in "${what[@]}"; do
  case $each in
  quickstart)
    timed "contrib/quickstart.sh --lab --once in a fresh $suite" \
      /root/nearmiss/contrib/quickstart.sh --lab --once "${options[@]}"
    timed "the same again" /root/nearmiss/contrib/quickstart.sh --lab --once "${options[@]}"
    say "== disk used: $(mebibytes "$trial/root/nearmiss" "$trial/root/.cache") MiB by the clone and its cache," \
      "$(($(mebibytes "$trial") - $(mebibytes "$from"))) MiB with the packages that were installed"
    ;;
  tests)
    timed "tests/run.sh in a fresh $suite" /root/nearmiss/tests/run.sh "${options[@]}"
    ;;
  walk)
    # With the network of this machine: apt in the root fetches what the packages need.
    boot "$trial" --resolv-conf=copy-host "${shared[@]}"
    while IFS= read -r command <&4; do
      say "# $command"
      inside sh -c "cd /root/nearmiss && $command" >>"$log" 2>&1 4<&- ||
        die "the page's command failed: $command" "its output is at the end of $log"
    done 4< <(blocks "$root/contrib/packaging/README.md")
    say "All commands of contrib/packaging/README.md succeeded"
    ;;
  esac
done
