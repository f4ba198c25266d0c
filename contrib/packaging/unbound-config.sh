#!/bin/sh
# usage: unbound-config [FILE]
#
# Writes the configuration that unbound.service starts Unbound with (default: /run/nearmiss/unbound.conf):
# the admin's own, whatever it is, and after it nearmiss as the first of its modules. Made at each
# start and reload from what is configured then, and no file of the admin's is changed: when nearmiss
# is removed, nothing of it is left in Unbound's configuration.
#
# The admin's configuration is /etc/unbound/unbound.conf, or what -c in $DAEMON_OPTS names.

set -eu
umask 022 # Unbound reads it again at a reload, when it is not root any more

here=$(dirname -- "$(readlink -f -- "$0")")
file=${1:-/run/nearmiss/unbound.conf}
conf=/etc/unbound/unbound.conf
PATH=$here:$PATH:/usr/sbin:/sbin

fail() {
  printf 'nearmiss: %s\n' "$1" >&2
  exit 1
}

# shellcheck disable=SC2086 # words, as systemd makes of them
set -- ${DAEMON_OPTS-}
while [ $# -gt 0 ]; do
  case $1 in
  -c)
    [ $# -gt 1 ] || fail "DAEMON_OPTS ends with -c, which needs a file"
    conf=$2
    shift
    ;;
  -c*) conf=${1#-c} ;;
  esac
  shift
done

value() { unbound-checkconf -o "$1" "$conf"; }

written=$(value module-config) || fail "$conf cannot be read, or has a mistake: see unbound-checkconf $conf"
modules=
for module in $written; do
  case $module in
  # Unbound's default has it; without a client subnet to send it does nothing.
  subnetcache)
    if [ -n "$(value send-client-subnet)$(value client-subnet-zone)" ]; then
      fail "$conf sends client subnets (send-client-subnet, client-subnet-zone), and the module \
subnetcache could hand out an answer that nearmiss blocks. Take those lines out, or remove nearmiss"
    fi
    ;;
  *) modules="$modules $module" ;;
  esac
done

mkdir -p -- "$(dirname -- "$file")"
{
  printf '# Made by %s at each start of unbound.service: a change here is lost.\n' "$here/unbound-config"
  printf 'include-toplevel: "%s"\n' "$conf"
  case $written in
  # The admin loads a module, which may be this one: that is left as it is.
  dynlib*) ;;
  *)
    printf 'server:\n  module-config: "dynlib%s"\n' "$modules"
    printf 'dynlib:\n  dynlib-file: "%s"\n' "$here/nearmiss.so"
    ;;
  esac
} >"$file.new"
mv -f -- "$file.new" "$file"
