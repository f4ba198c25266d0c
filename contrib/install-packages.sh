#!/usr/bin/env bash
# usage: contrib/install-packages.sh [--list] GROUP...
#
# Installs the Debian packages that a group needs; what is there already is left alone,
# and nothing is asked of the network when nothing is missing.
#
#   build    compilers and libraries for the module, the command and the tests
#   unbound  what Unbound itself is built with
#   demo     what contrib/quickstart.sh shows its results with
#   lab      an authoritative name server (NSD), for --lab and the tests
#   test     a mail server (Postfix), for the tests
#   resolvers  other resolvers (BIND, PowerDNS Recursor), for the tests of `nearmiss export`
#   mailers  the other mail servers (Exim, OpenSMTPD, Sendmail), for tests/mailers/table.sh
#   pipeline programs that pass events on and rotate logs (rsyslog, journald, logrotate), for the tests
#   check    clang-format and shellcheck
#   clang    clang and clang-tidy, for the fuzzers and the static analysis
#   siem     Prometheus, its node exporter and ClickHouse (Debian 12), for the tests of contrib/siem
#   packaging  what contrib/packaging/deb.sh makes Debian packages with, and what tries them in a fresh Debian
#   browser  Chromium with a font, to try the report's page in
#
#   --list   print the groups' packages, one a line, and install nothing
#
# NSD, the mail servers, BIND, PowerDNS Recursor and the servers of `siem` are not installed: their
# packages would start daemons, and each mail server replaces another. They are unpacked in the cache
# ($NEARMISS_CACHE, else ~/.cache/nearmiss) and linked from build/packages/, each under its package's
# name; only the shared libraries they need are installed.

set -euo pipefail
# shellcheck source=contrib/common.sh
. "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/common.sh"

declare -A installed=(
  [build]="g++ cmake ninja-build ccache pkg-config libldns-dev libyaml-cpp-dev libspdlog-dev
    nlohmann-json3-dev libcli11-dev libidn2-dev libicu-dev libpsl-dev publicsuffix libssl-dev libnghttp2-dev
    libsimdjson-dev zlib1g-dev liblzma-dev libzstd-dev libbz2-dev catch2"
  # What Debian's own build of Unbound needs beyond these (Python) is read from its source
  # package by contrib/unbound/build.sh.
  [unbound]="build-essential dpkg-dev bison flex libtool pkg-config libevent-dev libexpat1-dev
    libnghttp2-dev libprotobuf-c-dev protobuf-c-compiler libssl-dev libsystemd-dev"
  [demo]="bind9-dnsutils iproute2 jq"
  [lab]="bind9-dnsutils"
  [test]="dnsperf netbase openssl man-db mandoc python3 python3-jsonschema python3-yaml"
  [resolvers]="bind9-dnsutils"
  [pipeline]=""
  [check]="clang-format patch shellcheck"
  [clang]="clang clang-tidy"
  [siem]="python3"
  [mailers]="m4" # Sendmail's configuration is made with it
  [packaging]="debhelper debootstrap dh-apparmor dpkg-dev fakeroot lintian systemd-container"
  [browser]="chromium fonts-dejavu-core python3"
)
declare -A unpacked=(
  [lab]=nsd
  [test]=postfix
  [resolvers]="bind9 pdns-recursor"
  [pipeline]="rsyslog logrotate systemd" # of which journald and journalctl
  [siem]="prometheus prometheus-node-exporter clickhouse-server clickhouse-common"
  [mailers]="exim4-daemon-light exim4-config opensmtpd sendmail-bin sendmail-cf"
)

apt=(apt-get -y -q --no-install-recommends --no-remove -o DPkg::Lock::Timeout=300)
updated=no

become_ready() {
  [[ $(id -u) == 0 ]] ||
    die "these Debian packages are missing, and only root can install them: $*" "run: sudo $0 ${groups[*]}"
  if [[ $updated == no ]]; then
    logged "$log" "Reading Debian's package lists" apt-get -q update
    updated=yes
  fi
}

# install PACKAGE...: those that are missing
install() {
  local missing
  (($#)) || return 0
  # dpkg-query fails when it knows nothing of one of them; what it prints is right all the same.
  mapfile -t missing < <(comm -23 <(printf '%s\n' "$@" | sort -u) \
    <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null |
      sed -n 's/^installed //p' | sort -u))
  ((${#missing[@]})) || return 0
  become_ready "${missing[@]}"
  DEBIAN_FRONTEND=noninteractive logged "$log" "Installing ${missing[*]}" \
    "${apt[@]}" install "${missing[@]}"
}

# unpack PACKAGE: without running any of its scripts
unpack() {
  local package=$1 link=$root/build/packages/$1 latest=$cache/packages/$1 version folder libraries
  if [[ ! -d $latest ]]; then
    become_ready "$package"
    # Not libjs-*: what a web page of theirs would load.
    mapfile -t libraries < <(apt-cache depends --important "$package" |
      sed -n '/: libjs-/d; s/^ *\(Pre\)\?Depends: \(lib[^ ]*\)$/\2/p')
    install "${libraries[@]}"
    mkdir -p -- "$cache/packages"
    work=$(mktemp -d -- "$cache/packages/.new.XXXXXX")
    chmod 755 -- "$work"
    trap 'rm -rf -- "$work"' EXIT
    # apt downloads as a user of its own; let it write here rather than warn.
    if getent passwd _apt >/dev/null; then chown _apt -- "$work"; fi
    (cd -- "$work" && logged "$log" "Fetching $package" apt-get -q download "$package")
    version=$(dpkg-deb -f "$work"/*.deb Version)
    folder=$package-$version
    logged "$log" "Unpacking $package $version in $cache/packages" \
      dpkg-deb -x "$work"/*.deb "$work/root"
    rm -rf -- "$cache/packages/$folder"
    mv -T -- "$work/root" "$cache/packages/$folder"
    relink "$folder" "$latest" || true
    rm -rf -- "$work"
    trap - EXIT
  fi
  relink "$latest" "$link" || true
}

list=no
groups=()
while (($#)); do
  case $1 in
  -h | --help) usage && exit ;;
  --list) list=yes ;;
  build | unbound | demo | lab | test | resolvers | mailers | pipeline | check | clang | siem | packaging | browser)
    groups+=("$1")
    ;;
  *) die "unknown group or option: $1" "see ${0##*/} --help" ;;
  esac
  shift
done
((${#groups[@]})) || die "no group named" "see ${0##*/} --help"

to_install=()
to_unpack=()
for group in "${groups[@]}"; do
  read -r -d '' -a names <<<"${installed[$group]}" || true
  to_install+=("${names[@]}")
  read -r -a names <<<"${unpacked[$group]-}"
  to_unpack+=("${names[@]}")
done

if [[ $list == yes ]]; then
  printf '%s\n' "${to_install[@]}" "${to_unpack[@]}" | sort -u
  exit
fi

command -v apt-get >/dev/null || die "this needs Debian's apt-get" \
  "on another system, install what these Debian packages hold: ${to_install[*]} ${to_unpack[*]}"
log=$(mktemp -- "${TMPDIR:-/tmp}/nearmiss-apt.XXXXXX")
install "${to_install[@]}"
for package in "${to_unpack[@]}"; do
  unpack "$package"
done
rm -f -- "$log"
