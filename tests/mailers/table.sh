#!/usr/bin/env bash
# usage: tests/mailers/table.sh [--reasons] [--only NAME] [--compare FILE]
#
# Sends mail through Postfix, Exim, OpenSMTPD and Sendmail against every action of the policy and
# prints what became of it, as a table in Markdown. Installs what is missing, builds what is not
# built, and needs root. Takes about five minutes.
#
#   --reasons       after the table, why, in each mail server's words
#   --only NAME     one mail server: Postfix, Exim, OpenSMTPD or Sendmail
#   --compare FILE  exit 1 if the rows differ from those of the table in FILE

set -euo pipefail
# shellcheck source=contrib/common.sh
. "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/../../contrib/common.sh"

case ${1-} in -h | --help) usage && exit ;; esac
[[ $(id -u) == 0 ]] || die "only root can make the network that the mail servers run in" "run: sudo $0 $*"

from=$PWD
cd -- "$root"
contrib/install-packages.sh build unbound demo lab test mailers
contrib/unbound/build.sh
mkdir -p -- build
log=$root/build/mailers-table.log
: >"$log"
logged "$log" "Configuring" cmake --preset default
logged "$log" "Building" cmake --build --preset default --target nearmiss nearmiss_mailers
cd -- "$from"
exec "$root/build/tests/mailers/nearmiss_mailers" "$@"
