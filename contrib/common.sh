# shellcheck shell=bash disable=SC2034,SC2120
# What the scripts of this repository share. Sourced, never run.
#
# root   the clone's top directory
# cache  where results live that outlast the clone: the Unbound build, unpacked packages

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
cache=${NEARMISS_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/nearmiss}
case $cache in
/*) ;;
*) cache=$PWD/$cache ;;
esac

# A person's own tool versions (pyenv and the like) must not leak into what is built here.
# Last, the servers that install-packages.sh unpacks: CMake and the tests look for them by name.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
PATH+=:$root/build/packages/nsd/usr/sbin:$root/build/packages/postfix/usr/sbin
export LC_ALL=C.UTF-8

say() { printf '%s\n' "$*" >&2; }

# die MESSAGE [WHAT TO DO]...
die() {
  printf '%s: error: %s\n' "${0##*/}" "$1" >&2
  shift
  if (($#)); then printf '  %s\n' "$@" >&2; fi
  exit 1
}

# The comment at the head of the calling script is its --help.
usage() {
  sed -n '2,/^$/{s/^# \{0,1\}//;p;}' "$0"
}

# The value of an option that needs one: value_of "$@"
value_of() {
  (($# >= 2)) || die "$1 needs a value" "see ${0##*/} --help"
  printf '%s\n' "$2"
}

# logged LOG WHAT COMMAND...: runs quietly; on failure shows the end of the log and where it is.
logged() {
  local log=$1 what=$2 begun=$SECONDS
  shift 2
  printf '%s ... ' "$what" >&2
  if "$@" </dev/null >>"$log" 2>&1; then
    printf 'done (%d s)\n' $((SECONDS - begun)) >&2
  else
    printf 'failed\n\n' >&2
    tail -n 30 -- "$log" >&2
    say ''
    die "$what: failed" "the whole output is in $log"
  fi
}

# count_steps WHAT: passes on what a build prints, and shows on a terminal how far it is: ninja's count, or
# how many files a make has compiled.
count_steps() {
  local line compiled=0
  if [[ ! -t 2 ]]; then
    cat
    return
  fi
  while IFS= read -r line; do
    printf '%s\n' "$line"
    case $line in
    '['[0-9]*/[0-9]*']'*) printf '\r%s ... %s] ' "$1" "${line%%]*}" >&2 ;;
    *--mode=compile*) printf '\r%s ... [%d files] ' "$1" $((++compiled)) >&2 ;;
    esac
  done
}

# built LOG WHAT COMMAND...: as logged, for a build of a minute or more.
built() {
  local log=$1 what=$2 begun=$SECONDS
  shift 2
  printf '%s ... ' "$what" >&2
  if "$@" </dev/null 2>&1 | count_steps "$what" >>"$log"; then
    printf 'done (%d s)\n' $((SECONDS - begun)) >&2
  else
    printf 'failed\n\n' >&2
    tail -n 30 -- "$log" >&2
    say ''
    die "$what: failed" "the whole output is in $log"
  fi
}

# Puts a link in place in one step; says by its result whether anything changed.
relink() {
  local target=$1 link=$2
  [[ $(readlink -- "$link" 2>/dev/null) != "$target" ]] || return 1
  mkdir -p -- "$(dirname -- "$link")"
  if [[ -e $link && ! -L $link ]]; then
    die "$link is in the way: it should be a link made by ${0##*/}" "move it away and try again"
  fi
  ln -sfn -- "$target" "$link.new.$$"
  mv -fT -- "$link.new.$$" "$link"
}
