#!/usr/bin/env bash
# usage: contrib/packaging/try-debs.sh [--suite NAME] [--packages DIR]
#
# Installs the packages that deb.sh made into a fresh Debian with systemd as its first process, and goes
# through an admin's life with them: install, Debian's own updates of Unbound (apt upgrade, apt
# full-upgrade), upgrade, downgrade, an upgrade beside a policy with a mistake, an Unbound that is
# configured already (with a response policy zone), removal and purge. After each step it asks the
# resolver, and looks which program answers and whether events are written. While packages change, a
# client asks all the time: each of its lookups must be answered, at the latest when it is repeated.
#
#   --suite NAME     default: this machine's
#   --packages DIR   default: build/deb
#
# Needs root. The network is used to fetch Debian's packages, before the trial; not in it.
# Exit status: 0 when everything was as it should be.

set -euo pipefail
# shellcheck source=contrib/common.sh
. "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/../common.sh"
# shellcheck source=contrib/packaging/roots.sh
. "$root/contrib/packaging/roots.sh"

suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
packages=$root/build/deb
while (($#)); do
  case $1 in
  -h | --help) usage && exit ;;
  --suite)
    suite=$(value_of "$@")
    shift
    ;;
  --packages)
    packages=$(realpath -e -- "$(value_of "$@")")
    shift
    ;;
  *) die "unknown option: $1" "see ${0##*/} --help" ;;
  esac
  shift
done
package=$(find "$packages" -name 'nearmiss_*.deb' | sort -V | tail -n 1)
[[ -n $package ]] || die "there is no package in $packages" "make it: contrib/packaging/deb.sh"

log=$root/build/try-debs.log
mkdir -p -- "$root/build"
: >"$log"
"$root/contrib/install-packages.sh" packaging demo
trap shut_down EXIT

own=/usr/lib/nearmiss/unbound
debian=/usr/sbin/unbound

# ---- the archive: Debian's packages, and ours in two versions ----

fetch_packages() {
  cp -- "$package" "$trial/srv/"
  # shellcheck disable=SC2016
  enter "$trial" sh -c 'apt-get -q update &&
    apt-get -q -y --download-only install /srv/nearmiss_*.deb logrotate &&
    mkdir -p /srv/archive && mv /var/cache/apt/archives/*.deb /srv/archive/'
}

# repack FILE VERSION: the same package with another version, in the archive
repack() {
  local folder
  folder=$(mktemp -d)
  dpkg-deb -R "$1" "$folder/root"
  sed -i "s/^Version: .*/Version: $2/" "$folder/root/DEBIAN/control"
  dpkg-deb --root-owner-group -Zxz -b "$folder/root" "$archive/" >>"$log"
  rm -rf -- "$folder"
}

# Only then apt in the root sees what is new in the archive.
publish() {
  (cd -- "$archive" && dpkg-scanpackages --multiversion . 2>>"$log" >Packages)
  if [[ -n $booted ]]; then inside apt-get -q update >>"$log" 2>&1; fi
}

version_of() { dpkg-deb -f "$1" Version; }

# ---- what is looked at after each step ----

failed=0
step() { say "$1"; }
# expect WHAT COMMAND...
expect() {
  local what=$1
  shift
  if "$@" >>"$log" 2>&1; then
    say "    $what"
  else
    say "    NOT SO: $what ($*)"
    failed=$((failed + 1))
  fi
}
not() { ! "$@"; }
ask() { nsenter --target "$booted" --net -- dig @127.0.0.1 +tries=3 +time=3 "$@"; }
answers() { ask army.ml MX | grep -q '^army.ml.*IN.MX.0 mx.army.ml'; }
is_blocked() { ask army.ml MX | grep -q 'status: NXDOMAIN'; }
runs() { [[ $(inside readlink "/proc/$(inside systemctl show -P MainPID unbound)/exe") == "$1" ]]; }
events() { inside sh -c 'cat /var/log/unbound/nearmiss.jsonl 2>/dev/null | grep -c "\"dns.question.name\":\"army.ml\""' || true; }
observes() {
  local before
  before=$(events)
  answers || return 1
  for _ in {1..40}; do
    (($(events) == before)) || return 0
    sleep 0.1
  done
  return 1
}
# shellcheck disable=SC2016 # dpkg-query fills them in
installed() { inside dpkg-query -W -f '${db:Status-Status} ${Version}' "$1" 2>/dev/null | grep -q -F "installed $2"; }
apt() { inside apt-get -q -y "$@" >>"$log" 2>&1; }

# A client that asks all the time, until `client_ends`. A lookup that gets no answer is repeated for up to
# five seconds, as a resolver's clients do: a restart is a moment in which the port is closed. For each
# lookup it notes after how many milliseconds it was answered at last.
client_begins() {
  : >"$roots/client"
  (
    while :; do
      begun=${EPOCHREALTIME/[.,]/}
      until nsenter --target "$booted" --net -- dig @127.0.0.1 +tries=1 +time=1 localhost A 2>/dev/null |
        grep -q '127.0.0.1'; do
        ((${EPOCHREALTIME/[.,]/} - begun < 5000000)) || break
        sleep 0.02
      done
      echo $(((${EPOCHREALTIME/[.,]/} - begun) / 1000)) >>"$roots/client"
      sleep 0.02
    done
  ) &
  client=$!
}
client_ends() {
  local longest
  kill "$client"
  wait "$client" 2>/dev/null || true
  longest=$(sort -n -- "$roots/client" | tail -n 1)
  expect "each of a client's $(wc -l <"$roots/client") lookups meanwhile was answered, the slowest after $longest ms" \
    [ "$longest" -lt 5000 ]
  rm -f -- "$roots/client"
}

# ---- the trial ----

trial=$(copy "$suite" "try-debs.$suite")
archive=$trial/srv/archive
logged "$log" "Fetching Debian's packages" fetch_packages
unbound_deb=$(find "$archive" -name 'unbound_*.deb')
first=$(version_of "$package")
cp -- "$package" "$archive/"
publish
echo 'deb [trusted=yes] file:/srv/archive ./' >"$trial/etc/apt/sources.list"
boot "$trial" --private-network
inside apt-get -q update >>"$log" 2>&1

step "apt install nearmiss, on a system without Unbound"
expect "apt installs it" apt install "nearmiss=$first"
expect "the service is up" inside systemctl is-active unbound
expect "with the Unbound of the package" runs "$own"
expect "the policy observes" inside nearmiss status
expect "it answers" sh -c "nsenter --target $booted --net -- dig @127.0.0.1 localhost A | grep -q 127.0.0.1"
# No network, so no ml: a copy of it, as an admin might have one.
cat >"$trial/etc/unbound/unbound.conf.d/ml.conf" <<'END'
server:
    domain-insecure: "ml"
auth-zone:
    name: ml
    zonefile: /etc/unbound/ml.zone
    for-downstream: no
END
cat >"$trial/etc/unbound/ml.zone" <<'END'
$ORIGIN ml.
@ 60 SOA ns nobody 1 60 60 60 60
@ 60 NS ns
ns 60 A 192.0.2.1
army 0 MX 0 mx.army
mx.army 60 A 192.0.2.2
END
inside systemctl restart unbound
expect "it observes a lookup that its rule matches, and writes the event" observes
before=$(inside systemctl show -P MainPID unbound)
expect "a reload succeeds" inside systemctl reload unbound
sleep 1
expect "the same process goes on" [ "$(inside systemctl show -P MainPID unbound)" = "$before" ]
expect "and observes" observes
expect "unbound-control works" inside unbound-control status
expect "logrotate rotates the events" inside logrotate --force /etc/logrotate.d/nearmiss
expect "and the module writes on, to a new file" observes

newer=$(version_of "$unbound_deb")
for how in upgrade full-upgrade; do
  newer+=.1
  step "apt $how, with Debian's Unbound $newer in the archive"
  repack "$unbound_deb" "$newer"
  publish
  client_begins
  expect "apt does it" apt "$how"
  client_ends
  expect "Debian's Unbound is the new one" installed unbound "$newer"
  expect "nearmiss is still installed" installed nearmiss ""
  expect "apt says that ours lacks its fixes" grep -q "nearmiss: Unbound $newer is installed, but" "$log"
  expect "so does nearmiss status" inside sh -c "nearmiss status 2>&1 >/dev/null | grep -F 'Unbound $newer is installed'"
  expect "and its Unbound runs" runs "$own"
  expect "it observes" observes
done

step "an upgrade of nearmiss"
repack "$package" "$first.2"
publish
before=$(inside systemctl show -P MainPID unbound)
client_begins
expect "apt does it" apt upgrade
client_ends
expect "it is the newer one" installed nearmiss "$first.2"
expect "the service was started anew" [ "$(inside systemctl show -P MainPID unbound)" != "$before" ]
expect "its Unbound runs" runs "$own"
expect "it observes" observes

step "a downgrade of nearmiss"
client_begins
expect "apt does it" apt install --allow-downgrades "nearmiss=$first"
client_ends
expect "it is the older one" installed nearmiss "$first"
expect "its Unbound runs" runs "$own"
expect "it observes" observes

step "an upgrade beside a policy with a mistake"
before=$(inside systemctl show -P MainPID unbound)
echo 'modus: enforce' >>"$trial/etc/unbound/nearmiss.yaml"
client_begins
expect "apt says that it failed" not apt install "nearmiss=$first.2"
client_ends
expect "what ran before goes on" [ "$(inside systemctl show -P MainPID unbound)" = "$before" ]
expect "it observes" observes
sed -i '/^modus/d; s/^mode: observe/mode: enforce/' "$trial/etc/unbound/nearmiss.yaml"
expect "with the policy put right, dpkg ends what it began" inside dpkg --configure nearmiss
expect "it blocks, as the policy now says" is_blocked

step "apt remove nearmiss"
client_begins
expect "apt does it" apt remove nearmiss
client_ends
expect "Debian's Unbound runs" runs "$debian"
expect "it answers" answers
expect "nothing of nearmiss is in Unbound's configuration" not inside grep -rq dynlib /etc/unbound/unbound.conf.d

step "an Unbound that is configured already, with a response policy zone"
cat >"$trial/etc/unbound/unbound.conf.d/rpz.conf" <<'END'
server:
    module-config: "respip validator iterator"
rpz:
    name: rpz.example
    zonefile: /etc/unbound/rpz.zone
END
cat >"$trial/etc/unbound/rpz.zone" <<'END'
$ORIGIN rpz.example.
@ 60 SOA . . 1 60 60 60 60
@ 60 NS localhost.
bad.example 60 CNAME .
END
expect "it runs" inside systemctl restart unbound
client_begins
expect "apt installs nearmiss" apt install nearmiss
client_ends
expect "module-config is made from what was configured" \
  inside grep -q 'module-config: "dynlib respip validator iterator"' /run/nearmiss/unbound.conf
expect "the Unbound of the package runs" runs "$own"
expect "it blocks, as the policy that was kept says" is_blocked
expect "the zone is in force" sh -c "nsenter --target $booted --net -- dig @127.0.0.1 bad.example A | grep -q NXDOMAIN"

step "apt purge nearmiss"
expect "apt does it" apt purge nearmiss
expect "Debian's Unbound runs" runs "$debian"
expect "it answers" answers
expect "no file of nearmiss is left" \
  not sh -c "find $trial/etc $trial/usr $trial/var/log $trial/run -name '*nearmiss*' | grep ."

((failed == 0)) || die "$failed of these were not so" "the whole output is in $log; the root is $trial"
say "All was as it should be"
