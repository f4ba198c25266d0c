#!/usr/bin/env bash
# usage: contrib/bench/lookalike_classifier.sh [--list] [REAL...]
#
# Measures the look-alike test as a classifier and prints two tables: for each kind of dnstwist's
# variants of the domains in lookalike_domains.txt how many are known as look-alikes, and for each
# class how many real names are taken for one though they are not.
#
# The real names are the Homepage fields and the maintainers' domains of Debian's package index, and
# the private section of the public suffix list. Every REAL is a file of further names, one a line.
#
#   --list   show the missed variants and the false positives too
#
# Needs dnstwist, which is installed if it is missing (as root), and a build in build/ or
# $NEARMISS_BUILD. dnstwist makes 1.3 million variants: the first run takes some minutes, later ones
# take them from the build's folder.

set -euo pipefail
# shellcheck source=contrib/common.sh
. "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/../common.sh"

list=()
while (($#)); do
  case $1 in
  -h | --help) usage && exit ;;
  --list) list=(--list) && shift ;;
  -*) die "unknown option: $1" "see ${0##*/} --help" ;;
  *) break ;;
  esac
done

build=${NEARMISS_BUILD:-$root/build}
here=$root/contrib/bench
program=$build/contrib/bench/nearmiss_lookalike_classifier
work=$build/lookalike
suffixes=/usr/share/publicsuffix/public_suffix_list.dat

missing=()
for package in dnstwist python3-idna python3-tld publicsuffix; do
  [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
done
if ((${#missing[@]})); then
  [[ $(id -u) == 0 ]] || die "these Debian packages are missing: ${missing[*]}" "install them as root"
  log=$(mktemp -- "${TMPDIR:-/tmp}/nearmiss-apt.XXXXXX")
  logged "$log" "Installing ${missing[*]}" apt-get -y -q --no-install-recommends install "${missing[@]}"
  rm -f -- "$log"
fi
mkdir -p -- "$work"
log=$work/log
: >"$log"
[[ -f $build/build.ninja || -f $build/Makefile ]] ||
  logged "$log" "Configuring $build" cmake -S "$root" -B "$build" -DNEARMISS_BUILD_MODULE=OFF
logged "$log" "Building the classifier" cmake --build "$build" --target nearmiss_lookalike_classifier

if [[ ! $work/variants -nt $here/lookalike_domains.txt ]]; then
  say "Writing dnstwist's variants (some minutes)"
  "$here/lookalike_variants.py" "$here/lookalike_domains.txt" >"$work/variants.new"
  mv -- "$work/variants.new" "$work/variants"
fi

# names: of all text read, those that are host names of two labels or more under a delegated TLD
sed -n '/BEGIN ICANN/,/END ICANN/{/^[^\/]/p;}' "$suffixes" | sed 's/.*\.//' | sort -u >"$work/tlds"
names() {
  tr '[:upper:]' '[:lower:]' | grep -E '^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z0-9-]+$' |
    awk -F. 'NR == FNR {tld[$1] = 1; next} $NF in tld' "$work/tlds" - | sort -u
}

apt-cache dumpavail >"$work/available"
{
  sed -nE 's#^Homepage: *<?[a-zA-Z]+://([^/:?\#> ]+).*#\1#p' "$work/available"
  sed -nE 's#^Maintainer:.*@([^> ]+)>.*#\1#p' "$work/available"
} | names >"$work/debian"
[[ -s $work/debian ]] || die "Debian's package index is empty" "run: apt-get update"
sed -n '/BEGIN PRIVATE/,$p' "$suffixes" | sed -E '/^\/\//d; s/^[*!]\.?//' | names >"$work/suffixes"

"$program" "${list[@]}" "$here/lookalike_domains.txt" "$work/variants" "$work/debian" "$work/suffixes" "$@"
