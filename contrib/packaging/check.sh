#!/usr/bin/env bash
# usage: contrib/packaging/check.sh
#
# Reads the files of this directory with the tools that will use them (the .spec file if rpmspec and rpmlint
# are installed), beside Debian's own AppArmor
# abstractions and systemd unit of Unbound, and looks up in the profile each path that the module uses.
# Debian's packages are unpacked for it in a directory of their own; nothing is installed, and nothing
# is loaded into the kernel.
#
# Exit status: 0 when all are well-formed.

set -euo pipefail
# shellcheck source=contrib/common.sh
. "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/../common.sh"

case ${1-} in
'') ;;
-h | --help) usage && exit ;;
*) die "unknown option: $1" "see ${0##*/} --help" ;;
esac

here=$root/contrib/packaging
work=$(mktemp -d -- "${TMPDIR:-/tmp}/nearmiss-packaging.XXXXXX")
trap 'rm -rf -- "$work"' EXIT
chmod 755 -- "$work"
if getent passwd _apt >/dev/null && [[ $(id -u) == 0 ]]; then chown _apt -- "$work"; fi
log=$work/log
: >"$log"
cd -- "$work"
logged "$log" "Fetching Debian's apparmor, unbound and logrotate" \
  apt-get -q download apparmor unbound logrotate libpopt0
for package in ./*.deb; do
  dpkg-deb -x "$package" debian
done

# As CMake fills them in for the package.
fill_in() {
  # shellcheck disable=SC2016 # systemd fills in $DAEMON_OPTS
  sed -e 's#@NEARMISS_HOST_UNBOUND@#/usr/lib/nearmiss/unbound#g; s#@NEARMISS_MODULE_DIR@#/usr/lib/nearmiss#g' \
    -e 's#@CMAKE_INSTALL_FULL_BINDIR@#/usr/bin#g; s#@NEARMISS_UNBOUND_CONFIG@#/etc/unbound#g' \
    -e 's#@NEARMISS_DAEMON_OPTIONS@#$DAEMON_OPTS#g' \
    -e 's#@NEARMISS_ASK_NEWER@#ExecStartPre=+/usr/lib/nearmiss/newer-unbound\n#' "$1"
}

profiles=$work/debian/etc/apparmor.d
parser=$(find "$work/debian" -name apparmor_parser -type f -print -quit)
fill_in "$here/apparmor-profile.in" >"$profiles/usr.lib.nearmiss.unbound"
parse() {
  "$parser" "$@" --config-file=/dev/null --base "$profiles" --Include "$profiles" "$profiles/usr.lib.nearmiss.unbound"
}
logged "$log" "AppArmor: the profile" parse --skip-kernel-load --skip-cache
# Where no AppArmor runs, this is as near as it gets: which rules the paths meet.
allows() { parse --preprocess 2>>"$log" | "$here/apparmor_allows.py"; }
logged "$log" "AppArmor: what the module does is allowed, and no more" allows

# A unit's programs must be there: where they are unpacked, or stand-ins.
units=$work/units
mkdir -p -- "$units/unbound.service.d" "$work/debian/usr/lib/nearmiss" "$work/debian/usr/bin"
for program in usr/lib/nearmiss/unbound usr/lib/nearmiss/unbound-config usr/lib/nearmiss/newer-unbound usr/bin/nearmiss; do
  ln -sf -- /bin/true "$work/debian/$program"
done
unit=$(find "$work/debian" -path '*systemd/system/unbound.service' -print -quit)
sed "s#\(=[-+]*\)\(/usr/sbin/unbound\|/usr/libexec/\)#\1$work/debian\2#" "$unit" >"$units/unbound.service"
fill_in "$here/nearmiss.conf.in" | sed "s#\(=[-+]*\)\(/usr/lib/nearmiss/\|/usr/bin/nearmiss\)#\1$work/debian\2#" \
  >"$units/unbound.service.d/nearmiss.conf"
verify_unit() {
  local said
  said=$(systemd-analyze verify --man=no "$units/unbound.service" 2>&1) || { printf '%s\n' "$said" && return 1; }
  # An unknown setting is only warned of.
  [[ -z $said ]] || { printf '%s\n' "$said" && return 1; }
}
logged "$log" "systemd: Debian's unit with our drop-in" verify_unit

# The users and groups are Debian's; root stands in for them where Unbound is not installed.
mkdir -p -- "$work/root/etc"
printf 'root:x:0:0::/:/bin/sh\nunbound:x:999:999::/:/bin/false\n' >"$work/root/etc/passwd"
printf 'root:x:0:\nadm:x:4:\nunbound:x:999:\n' >"$work/root/etc/group"
mkdir -p -- "$work/root/etc/tmpfiles.d"
cp -- "$here/nearmiss.tmpfiles" "$work/root/etc/tmpfiles.d/nearmiss.conf"
logged "$log" "tmpfiles: the directories" \
  systemd-tmpfiles --root="$work/root" --create nearmiss.conf
[[ $(stat -c '%a %u:%g' "$work/root/var/log/unbound") == '2750 999:4' ]] ||
  die "/var/log/unbound would be made as: $(stat -c '%a %u:%g' "$work/root/var/log/unbound")"

events=$work/root/var/log/unbound/nearmiss.jsonl
printf '{}\n' >"$events"
sed -e "s#/var/log/unbound#$work/root&#" -e 's/\bunbound\b\( adm\)/root root/' \
  "$here/nearmiss.logrotate" >"$work/logrotate.conf"
LD_LIBRARY_PATH=$(dirname -- "$(find "$work/debian" -name 'libpopt.so.0' -print -quit)")
export LD_LIBRARY_PATH
chown -R root:root -- "$work/root/var/log/unbound"
logged "$log" "logrotate: a file is rotated" \
  "$work/debian/usr/sbin/logrotate" --force --state "$work/state" "$work/logrotate.conf"
unset LD_LIBRARY_PATH
rotated=("$events"-*)
[[ -s ${rotated[0]} && -f $events && ! -s $events ]] || die "logrotate did not rotate" "see $log"

if command -v rpmspec >/dev/null && command -v rpmlint >/dev/null; then
  logged "$log" "rpmspec: nearmiss.spec" rpmspec -P "$here/nearmiss.spec"
  logged "$log" "rpmlint: nearmiss.spec" rpmlint "$here/nearmiss.spec"
else
  say "Left out: nearmiss.spec, which Debian's packages rpm and rpmlint read"
fi
say "All are well-formed"
