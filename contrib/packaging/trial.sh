#!/usr/bin/env bash
# usage: trial [--unbound PROGRAM] [--module FILE]
#
# Tries an Unbound with the module on a port of 127.0.0.1 before it is put into service: it starts,
# blocks a name, and lets another one through. Needs no network: Unbound serves itself a small zone.
# Nothing of the machine's resolver is touched.
#
#   --unbound PROGRAM  default: `unbound` beside this script
#   --module FILE      default: nearmiss.so beside this script
#
# Exit status: 0 when all three were so; else 1, with the reason and Unbound's log.

set -euo pipefail

here=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
unbound=$here/unbound
module=$here/nearmiss.so
while (($#)); do
  case $1 in
  -h | --help) sed -n '2,/^$/{s/^# \{0,1\}//;p;}' "$0" && exit ;;
  --unbound) unbound=$(realpath -e -- "${2:?--unbound needs a program}") && shift ;;
  --module) module=$(realpath -e -- "${2:?--module needs a file}") && shift ;;
  *) printf 'trial: unknown option: %s\n' "$1" >&2 && exit 2 ;;
  esac
  shift
done

# Below Unbound's own directory, if there is one: an AppArmor profile lets it read there.
parent=${TMPDIR:-/tmp}
[[ ! -w /var/lib/unbound ]] || parent=/var/lib/unbound
work=$(mktemp -d -- "$parent/nearmiss-trial.XXXXXX")
pid=
finish() {
  [[ -z $pid ]] || kill "$pid" 2>/dev/null || true
  rm -rf -- "$work"
}
trap finish EXIT

fail() {
  printf 'trial: %s\n' "$1" >&2
  [[ ! -s $work/log ]] || sed 's/^/  /' "$work/log" >&2
  exit 1
}

cat >"$work/zone" <<'END'
$ORIGIN nearmiss-trial.test.
@ 60 SOA ns nobody 1 60 60 60 60
@ 60 NS ns
ns 60 A 192.0.2.1
passes 60 A 192.0.2.2
blocked 60 A 192.0.2.3
END
cat >"$work/policy.yaml" <<'END'
version: 1
mode: enforce
rules: [{id: trial, domains: [blocked.nearmiss-trial.test]}]
END

# start PORT: Unbound on it
start() {
  cat >"$work/unbound.conf" <<END
server:
  interface: 127.0.0.1
  port: $1
  username: ""
  chroot: ""
  directory: "$work"
  pidfile: ""
  use-syslog: no
  logfile: "$work/log"
  num-threads: 1
  local-zone: "test." nodefault
  module-config: "dynlib iterator"
dynlib:
  dynlib-file: "$module"
remote-control:
  control-enable: no
auth-zone:
  name: nearmiss-trial.test
  zonefile: zone
  for-downstream: no
  for-upstream: yes
END
  NEARMISS_CONFIG=$work/policy.yaml "$unbound" -d -c "$work/unbound.conf" 2>>"$work/log" &
  pid=$!
}

# ask PORT LABEL: "RCODE ANSWERS" of LABEL.nearmiss-trial.test A; nothing without a reply
ask() {
  local label reply query='\x4e\x4d\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00'
  for label in "$2" nearmiss-trial test; do
    query+=$(printf '\\x%02x%s' "${#label}" "$label")
  done
  exec 3<>"/dev/udp/127.0.0.1/$1"
  # shellcheck disable=SC2059 # the octets of the question; in one write, so one datagram
  printf "$query"'\x00\x00\x01\x00\x01' >"$work/query"
  dd if="$work/query" bs=512 count=1 status=none >&3 2>/dev/null || return 0
  reply=$(timeout 2 dd bs=512 count=1 status=none <&3 2>/dev/null | od -An -v -tu1 | tr -s ' \n' ' ') || return 0
  read -r -a reply <<<"$reply"
  ((${#reply[@]} > 11)) || return 0
  printf '%d %d\n' $((reply[3] & 15)) $((reply[6] * 256 + reply[7]))
}

for ((try = 0; ; ++try)); do
  port=$((20000 + RANDOM % 30000))
  : >"$work/log"
  start "$port"
  passed=
  for _ in {1..100}; do
    kill -0 "$pid" 2>/dev/null || break
    passed=$(ask "$port" passes)
    [[ -z $passed ]] || break
    sleep 0.1
  done
  kill -0 "$pid" 2>/dev/null && break
  pid=
  # The port may be another's; anything else is what is looked for.
  if ((try == 5)) || ! grep -q "could not open ports\|ddress already in use" "$work/log"; then
    fail "$unbound with $module does not start"
  fi
done
[[ -n $passed ]] || fail "$unbound with $module does not answer"
[[ $passed == '0 1' ]] || fail "a name that the policy does not match got no answer (RCODE and records: $passed)"
blocked=$(ask "$port" blocked)
[[ $blocked == '3 0' ]] || fail "a name that the policy matches was not blocked (RCODE and records: ${blocked:-no reply})"
kill "$pid"
wait "$pid" || fail "$unbound did not end well"
pid=
printf '%s with %s: starts, blocks, lets through\n' "$unbound" "$module"
