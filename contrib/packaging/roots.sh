# shellcheck shell=bash disable=SC2034,SC2154
# Fresh Debian systems for trials, in directories; sourced by try-debs.sh and try-commands.sh.
#
# A base is made once a suite by debootstrap, in $NEARMISS_ROOTS (default: /var/tmp/nearmiss-roots); each
# trial works in a copy. The caller has sourced common.sh, and `log` is its log. A copy is entered by `enter`, or started by `boot` with systemd as its first
# process, in namespaces of its own: without a network, unless told otherwise.

roots=${NEARMISS_ROOTS:-/var/tmp/nearmiss-roots}
booted=

# base SUITE: its path, made if it is not there
base() {
  local suite=$1 mirror made=$roots/$1.base
  if [[ ! -e $made/.complete ]]; then
    [[ $(id -u) == 0 ]] || die "only root can make a root"
    # apt fills in the name in brackets.
    # shellcheck disable=SC2016
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Component: main' |
      head -n 1)
    mkdir -p -- "$roots"
    rm -rf -- "$made"
    logged "$log" "Making a fresh root of Debian $suite in $made" \
      debootstrap --variant=minbase --include=ca-certificates,dbus,systemd,systemd-sysv "$suite" "$made" "$mirror"
    : >"$made/.complete"
  fi
  printf '%s\n' "$made"
}

# copy SUITE NAME: a root of that suite, anew, with the suite's security updates among its sources
copy() {
  local from root=$roots/$2 mirror
  from=$(base "$1")
  if [[ -e $root ]]; then # what it takes to delete a system, nobody has to wait for
    mv -T -- "$root" "$root.old.$$"
    rm -rf --one-file-system -- "$root.old.$$" &
  fi
  cp -a --reflink=auto -- "$from/." "$root"
  rm -f -- "$root/.complete"
  mirror=$(sed -n 's/^deb \([^ ]*\) .*/\1/p' "$root/etc/apt/sources.list" | head -n 1)
  printf 'deb %s %s main\n' "$mirror" "$1" "$mirror" "$1-updates" "${mirror%/}-security" "$1-security" \
    >"$root/etc/apt/sources.list"
  cp -L -- /etc/resolv.conf "$root/etc/resolv.conf"
  printf '%s\n' "$root"
}

clean=(env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 TERM=dumb
  DEBIAN_FRONTEND=noninteractive)

# enter ROOT [--bind DIR]... COMMAND...: in the root, with the network, without systemd
enter() {
  local root=$1 binds=()
  shift
  while [[ ${1-} == --bind ]]; do
    binds+=("--bind=$2")
    shift 2
  done
  systemd-nspawn --quiet --register=no --keep-unit --as-pid2 "${binds[@]}" -D "$root" "${clean[@]}" "$@"
}

# boot ROOT NSPAWN-OPTION...: systemd is its first process; `inside` runs a command in it. With
# --private-network it has no network, otherwise that of this machine.
boot() {
  local root=$1 nspawn _
  shift
  systemd-nspawn --quiet --register=no --keep-unit "$@" -D "$root" -b </dev/null \
    >"$root.console" 2>&1 &
  nspawn=$!
  for _ in {1..300}; do
    booted=$(pgrep -P "$nspawn" | head -n 1) || true
    if [[ -n $booted ]] && inside systemctl is-system-running 2>/dev/null | grep -q 'running\|degraded'; then
      return
    fi
    sleep 0.2
  done
  tail -n 30 -- "$root.console" >&2
  die "$root does not start"
}

inside() { nsenter --target "$booted" --all --root --wd -- "${clean[@]}" "$@"; }

shut_down() {
  [[ -n $booted ]] || return 0
  inside systemctl --no-block poweroff 2>/dev/null || true
  for _ in {1..100}; do
    kill -0 "$booted" 2>/dev/null || break
    sleep 0.1
  done
  kill -KILL "$booted" 2>/dev/null || true
  booted=
}
