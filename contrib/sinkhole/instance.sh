#!/usr/bin/env bash
# usage: contrib/sinkhole/instance.sh ADDRESS DIR POLICY [COMMAND]
#
# Writes a throw-away instance of the sinkhole into DIR, for a test or a try: main.cf and
# master.cf of this directory with ADDRESS to listen on, the POLICY file to read, and COMMAND for
# `nearmiss` (else build/contrib/cli/nearmiss). Queue, data and log are below DIR. Run it with
#
#   MAIL_CONFIG=DIR /usr/lib/postfix/sbin/master -s     (as root)
#
# $POSTFIX_ROOT is where Debian's package is unpacked, if it is not installed. The accounts
# postfix and postdrop must exist, and `nobody` must be able to read POLICY and run COMMAND.

set -euo pipefail
# shellcheck source=contrib/common.sh
. "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/../common.sh"

case ${1-} in -h | --help) usage && exit ;; esac
(($# == 3 || $# == 4)) || die "an address, a directory and a policy are needed" "see ${0##*/} --help"
address=$1
folder=$2
policy=$3
command=${4:-$root/build/contrib/cli/nearmiss}
postfix=${POSTFIX_ROOT-}
here=$root/contrib/sinkhole

for path in "$folder" "$policy" "$command"; do
  [[ $path == /* ]] || die "$path: not an absolute path"
  # master.cf splits its lines at spaces.
  [[ $path != *[[:space:]]* ]] || die "$path: a path with spaces does not fit in master.cf"
done

mkdir -p -- "$folder"/{queue,data}
# ADDRESS stands in master.cf: in inet_interfaces Postfix takes only what an interface has, and of
# 127.0.0.0/8 that is 127.0.0.1 alone.
sed "s|^inet_interfaces = .*|inet_interfaces = 127.0.0.1|" "$here/main.cf" >"$folder/main.cf"
cat >>"$folder/main.cf" <<SETTINGS

# A throw-away instance: all below one directory.
queue_directory = $folder/queue
data_directory = $folder/data
maillog_file = $folder/maillog
maillog_file_prefixes = $folder
command_directory = $postfix/usr/sbin
daemon_directory = $postfix/usr/lib/postfix/sbin
shlib_directory = $postfix/usr/lib/postfix
meta_directory = $folder
import_environment = MAIL_CONFIG MAIL_LOGTTY LD_LIBRARY_PATH
export_environment = MAIL_CONFIG LD_LIBRARY_PATH
SETTINGS
sed -e "s|^smtp |$address:smtp |" \
  -e "s|argv=/usr/local/bin/nearmiss sinkhole --config .*|argv=$command sinkhole --config $policy|" \
  "$here/master.cf" >"$folder/master.cf"

cd -- "$folder/queue"
mkdir -p -- active bounce corrupt defer deferred flush hold incoming maildrop pid private public \
  saved trace
chown -- postfix active bounce corrupt defer deferred flush hold incoming maildrop private public \
  saved trace ../data
chgrp -- postdrop maildrop public
chmod -- 700 active bounce corrupt defer deferred flush hold incoming private saved trace ../data
chmod -- 730 maildrop
chmod -- 710 public
