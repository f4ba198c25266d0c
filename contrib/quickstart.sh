#!/usr/bin/env bash
# usage: contrib/quickstart.sh [--lab] [--once] [--port N] [--policy F] [--unbound-source DIR]
#
# Shows nearmiss at work: installs what is missing, builds Unbound and the module, starts that
# Unbound on 127.0.0.1 with the default policy made to enforce, and asks it for a mistyped domain and
# for the one that was meant. Then it stays, so that you can ask for yourself, and prints each event as
# it comes; Ctrl-C ends it. The machine's own resolver and its configuration are not touched.
#
#   --lab       bring a small DNS world along (contrib/lab, served by NSD on 127.0.0.1) instead of
#               using the internet; this happens by itself where the internet does not answer
#   --once      end after the demonstration
#   --port N    listen on this port of 127.0.0.1 (default: 5335)
#   --policy F  use this policy, where it is, instead of a copy of config/nearmiss.yaml, which
#               enforces what that one observes
#   --unbound-source DIR  build this source tree of Unbound instead of the system's source package
#
# Exit status: 0 when all went as it should, 1 with the reason and the end of the log when not.

set -euo pipefail
# shellcheck source=contrib/common.sh
. "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/common.sh"

lab=no
once=no
port=5335
policy=
unbound_source=()
while (($#)); do
  case $1 in
  -h | --help) usage && exit ;;
  --lab) lab=yes ;;
  --once) once=yes ;;
  --port)
    port=$(value_of "$@")
    shift
    ;;
  --policy)
    policy=$(realpath -e -- "$(value_of "$@")" 2>/dev/null) || die "there is no policy $2"
    shift
    ;;
  --unbound-source)
    unbound_source=(--source "$(value_of "$@")")
    shift
    ;;
  *) die "unknown option: $1" "see ${0##*/} --help" ;;
  esac
  shift
done
if ! [[ $port =~ ^[1-9][0-9]{0,4}$ ]] || ((port > 65535)); then
  die "--port $port is no port (1 to 65535)"
fi

run=$root/build/run/$port
unbound_pid=
nsd_pid=
tail_pid=
events_pid=

# The processes that use a port here, for UDP or TCP, in words; nothing if it is free.
users_of_port() {
  ss -Hlntup "sport = :$1" |
    sed -n -E '/127\.0\.0\.1:|0\.0\.0\.0:|\*:|\[::\]:/!d; s/.*users:\(\("([^"]*)",pid=([0-9]+).*/\1 (process \2) listens there/; t found; s/.*/another process listens there/; :found; p' |
    sort -u
}

stop() {
  local pid=$1 tries
  [[ -n $pid ]] && kill -TERM "$pid" 2>/dev/null || return 0
  for tries in {1..100}; do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  if ((tries == 100)); then kill -KILL "$pid" 2>/dev/null || true; fi
  wait "$pid" 2>/dev/null || true
}

# shellcheck disable=SC2317 # called by the trap
stop_all() {
  stop "$unbound_pid"
  stop "$nsd_pid"
  stop "$tail_pid"
  stop "$events_pid"
}
trap stop_all EXIT
trap 'exit 0' INT TERM

# fail WHAT: with the end of the servers' logs
fail() {
  local file
  for file in "$run/unbound.log" "$run/nsd.log"; do
    [[ -s $file ]] || continue
    say ''
    say "-- the end of $file"
    tail -n 20 -- "$file" >&2
  done
  say ''
  die "$@"
}

ask() { dig @127.0.0.1 -p "$port" +tries=1 +time="$1" "${@:2}"; }

# wait_for PID WHAT QUESTION...: until a server on this port answers
wait_for() {
  local pid=$1 what=$2 at=$3 _
  shift 3
  for _ in {1..100}; do
    kill -0 "$pid" 2>/dev/null || fail "$what has ended at once"
    if dig @127.0.0.1 -p "$at" +tries=1 +time=1 "$@" >/dev/null 2>&1; then return 0; fi
    sleep 0.1
  done
  fail "$what does not answer"
}

start_lab() {
  local zone lab_port=$((port < 65000 ? port + 1 : port - 500))
  while [[ -n $(users_of_port "$lab_port") ]]; do
    ((++lab_port))
  done
  {
    printf 'server:\n'
    printf '  %s\n' 'ip-address: 127.0.0.1' "port: $lab_port" 'username: ""' 'server-count: 1' \
      "zonesdir: \"$root/contrib/lab/zones\"" "pidfile: \"$run/nsd.pid\"" 'minimal-responses: yes' \
      "xfrdfile: \"$run/xfrd.state\"" "xfrdir: \"$run\"" "zonelistfile: \"$run/zone.list\"" \
      "logfile: \"$run/nsd.log\"" 'database: ""'
    printf 'remote-control:\n  control-enable: no\n'
    for zone in root mil ml example; do
      printf 'zone:\n  name: "%s"\n  zonefile: "%s.zone"\n' "${zone/root/.}" "$zone"
    done
  } >"$run/nsd.conf"
  "$root/build/packages/nsd/usr/sbin/nsd" -d -c "$run/nsd.conf" 2>>"$run/nsd.log" &
  nsd_pid=$!
  wait_for "$nsd_pid" "NSD, the lab's name server," "$lab_port" . SOA
  {
    printf 'server:\n  do-not-query-localhost: no\n'
    for zone in . mil ml example; do
      printf 'stub-zone:\n  name: "%s"\n  stub-addr: 127.0.0.1@%s\n' "$zone" "$lab_port"
    done
  } >"$run/lab.conf"
}

# Everything stays in the run folder. No trust anchor: the lab is not signed, and the
# demonstration should not depend on the machine's clock.
start_unbound() {
  {
    printf 'server:\n'
    printf '  %s\n' 'interface: 127.0.0.1' "port: $port" 'username: ""' 'chroot: ""' \
      "directory: \"$run\"" 'pidfile: ""' 'use-syslog: no' "logfile: \"$run/unbound.log\"" \
      'num-threads: 2' 'module-config: "dynlib validator iterator"'
    printf 'dynlib:\n  dynlib-file: "%s"\n' "$root/build/module/nearmiss.so"
    printf 'remote-control:\n  control-enable: no\n'
    if [[ $lab == yes ]]; then printf 'include: "%s"\n' "$run/lab.conf"; fi
  } >"$run/unbound.conf"
  NEARMISS_CONFIG=$policy "$root/build/unbound/unbound" -d -c "$run/unbound.conf" \
    2>>"$run/unbound.log" &
  unbound_pid=$!
  wait_for "$unbound_pid" Unbound "$port" localhost A
}

# The internet is there if Unbound finds the root's name servers and can resolve below them.
internet_answers() {
  local question
  for question in '. NS' 'mil. SOA'; do
    # shellcheck disable=SC2086
    ask 4 $question 2>/dev/null | grep -q '^[^;].*IN' || return 1
  done
}

# Where a policy writes its events, relative to its own folder; nothing if nowhere.
log_of_policy() {
  local file
  file=$(sed -n -E '/^log:/,/^[^ #l]/{s/^(log: *\{)? *(.*, *)?file: *"?([^",}#]*[^",}# ]).*/\3/p;}' "$1" |
    head -n 1)
  case $file in
  '' | /*) printf '%s\n' "$file" ;;
  *) printf '%s\n' "$(dirname -- "$1")/$file" ;;
  esac
}

# The default policy, where it may write its log beside itself. As shipped it observes; what is shown
# here is a block.
copy_default_policy() {
  policy=$run/nearmiss.yaml
  cp -- "$root/config/nearmiss.yaml" "$policy"
  sed -i -E '/^log:/,/^[^ #l]/s/^((log: *\{)? *(.*, *)?file: *)("[^"]*"|[^",}# ]+)/\1nearmiss.jsonl/' "$policy"
  sed -i 's/^mode: observe$/mode: enforce/' "$policy"
  grep -q '^mode: enforce$' "$policy" ||
    die "config/nearmiss.yaml has no \`mode: observe\` that this script can find" "use --policy with a policy of your own"
  [[ $(log_of_policy "$policy") == "$run/nearmiss.jsonl" ]] ||
    die "config/nearmiss.yaml has no log.file that this script can find" "use --policy with a policy of your own"
}

# show WHAT NAME TYPE: asks, and prints what a mail server's admin would look at
show() {
  local what=$1 name=$2 type=$3 reply
  reply=$(ask 10 +edns "$name" "$type") || fail "no answer to $name $type"
  printf '\n%s\n  $ dig @127.0.0.1 -p %s %s %s\n' "$what" "$port" "$name" "$type"
  sed -n -E "s/.*status: ([A-Z]+),.*/    \1/p; s/^; EDE: (.*)/    EDE \1/p; /^[^;].*\tIN\t/{/\tSOA\t/!s/^/    /p;}" \
    <<<"$reply"
  case $what in
  Blocked*)
    if ! grep -q 'status: NXDOMAIN' <<<"$reply" || ! grep -q 'EDE: 15' <<<"$reply"; then
      fail "$name $type should have been NXDOMAIN with EDE 15 (Blocked)"
    fi
    ;;
  'Let through'*)
    grep -q -P "^[^;].*\tIN\t$type\t" <<<"$reply" || fail "$name $type should have had its real answer"
    ;;
  esac
}

# Events, a readable line each.
readable() {
  jq --unbuffered -r 'select(."event.kind" == "alert") |
    "  \(."@timestamp"[0:19] | sub("T"; " "))  \(."source.ip") asked for \(."dns.question.name") " +
    "\(."dns.question.type"): \(."event.action")" +
    (if ."nearmiss.intended_domain" then ", meant \(."nearmiss.intended_domain")" else "" end) +
    " (rule \(."rule.id"))"'
}

alerts() { grep -c '"event.kind":"alert"' -- "$events" 2>/dev/null || true; }

"$root/contrib/install-packages.sh" build unbound demo lab
taken=$(users_of_port "$port")
[[ -z $taken ]] || die "port $port of 127.0.0.1 is in use: $taken" "choose another one with --port N"
"$root/contrib/unbound/build.sh" "${unbound_source[@]}"
log=$root/build/quickstart.log
: >"$log"
cd -- "$root"
# The tests need more packages than the demonstration.
if [[ ! -e build/build.ninja ]]; then
  logged "$log" "Configuring the module's build" cmake --preset default -DNEARMISS_BUILD_TESTS=OFF
fi
built "$log" "Building the module" cmake --build --preset default --target module/nearmiss.so

rm -rf -- "$run"
mkdir -p -- "$run"
default_policy=no
if [[ -z $policy ]]; then
  default_policy=yes
  copy_default_policy
fi
events=$(log_of_policy "$policy")
if [[ $lab == yes ]]; then start_lab; fi
start_unbound
if [[ $lab == no ]] && ! internet_answers; then
  say "The internet's name servers do not answer from here, so a small DNS world of our own takes their place (--lab)."
  stop "$unbound_pid"
  lab=yes
  start_lab
  start_unbound
fi

begun=0
if [[ -n $events ]]; then begun=$(alerts); fi
if [[ $default_policy == yes ]]; then
  show "Blocked: a mail server asks where mail for army.ml goes" army.ml MX
  show "Blocked: and for its address, where it would deliver next" army.ml A
  show "Let through: the domain that was meant" army.mil MX
else
  show "With your policy: a domain often mistyped" army.ml MX
  show "With your policy: the domain that was meant" army.mil MX
fi
if [[ -n $events ]]; then
  for _ in {1..30}; do
    (($(alerts) < begun + 2)) || break
    sleep 0.1
  done
  if [[ $default_policy == yes ]] && (($(alerts) < 2)); then fail "the events were not written to $events"; fi
  if (($(alerts) > begun)); then
    printf '\nThe events just written\n'
    tail -n +1 -- "$events" | grep '"event.kind":"alert"' | tail -n +$((begun + 1)) | readable
    printf '\nThe last one in full (%s)\n' "$events"
    grep '"event.kind":"alert"' -- "$events" | tail -n 1 | jq .
  fi
fi

printf '\nEvents:     %s\n' "${events:-none, the policy has no log.file}"
printf 'Policy:     %s\nUnbound:    %s, %s\n' "$policy" "$run/unbound.conf" "$run/unbound.log"
printf 'Command:    cmake --build build --target contrib/cli/nearmiss && build/contrib/cli/nearmiss --help\n'
if [[ $once == yes ]]; then exit 0; fi
printf 'Ask it:     dig @127.0.0.1 -p %s army.ml MX\nEnd it:     Ctrl-C\n\n' "$port"
if [[ -n $events && -e $events ]]; then
  exec {new_events}< <(exec tail -n 0 -F --pid="$unbound_pid" -- "$events" 2>/dev/null)
  tail_pid=$!
  readable <&"$new_events" &
  events_pid=$!
fi
wait "$unbound_pid" && status=0 || status=$?
unbound_pid=
fail "Unbound has ended by itself (status $status)"
