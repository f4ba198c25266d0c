#!/usr/bin/env bash
# usage: contrib/bench/lookalike_classifier.sh [--list] [REAL...]
#        contrib/bench/lookalike_classifier.sh --typed TYPED LEGIT PROTECTED...
#
# Measures the look-alike test as a classifier and prints three tables: for each kind of dnstwist's
# variants of the domains in lookalike_domains.txt how many are known as look-alikes; for each class
# how many real names are taken for one; and for each class and length of label how many real domains
# are one slip from another, by which the defaults were chosen.
#
# The real names are all from Debian: of its package index the Homepage fields and the maintainers'
# domains (debian), of the public suffix list the private section (suffixes), of two browser
# extensions the hosts and sites their filters name, though not their lists of malicious ones (web),
# of SpamAssassin and rspamd the domains that mail comes from (mail), of yt-dlp and calibre the sites
# they can read (sites). Every REAL is a file of further names, one a line.
#
# With --typed only what people type is measured: of the pairs in TYPED ("mistyped <tab> intended" a
# line) how many are recognised with the right domain, and of the domains in LEGIT how many are taken
# for look-alikes beside each list of PROTECTED ones; by the default, by each sensitivity, and by
# three baselines: distance 1, distance 2, and the rules of mailcheck. Then by kind of slip, and the
# curve over thresholds. contrib/bench/lookalike_weights.py fits the weights to such files.
#
#   --list   show the missed variants and the false positives too
#
# Needs dnstwist, which is installed if it is missing (as root), and a build in build/ or
# $NEARMISS_BUILD. The packages with names are unpacked, not installed. dnstwist makes 1.3 million
# variants: the first run takes some minutes, later ones take them from the build's directory.

set -euo pipefail
# shellcheck source=contrib/common.sh
. "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/../common.sh"

list=()
typed=
while (($#)); do
  case $1 in
  --typed) typed=1 && shift && break ;;
  -h | --help) usage && exit ;;
  --list) list=(--list) && shift ;;
  -*) die "unknown option: $1" "see ${0##*/} --help" ;;
  *) break ;;
  esac
done

build=${NEARMISS_BUILD:-$root/build}
here=$root/contrib/bench
programs=$build/contrib/bench
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
logged "$log" "Building the classifier" cmake --build "$build" \
  --target nearmiss_lookalike_classifier nearmiss_lookalike_neighbours nearmiss_lookalike_slips

if [[ $typed ]]; then
  (($# > 2)) || die "--typed needs files: TYPED LEGIT PROTECTED..." "see ${0##*/} --help"
  exec "$programs/nearmiss_lookalike_slips" table "$@"
fi

if [[ ! $work/variants -nt $here/lookalike_domains.txt ]]; then
  say "Writing dnstwist's variants (some minutes)"
  "$here/lookalike_variants.py" "$here/lookalike_domains.txt" >"$work/variants.new"
  mv -- "$work/variants.new" "$work/variants"
fi

# files_of PACKAGE: the directory with what is in this Debian package
files_of() {
  local package=$1 folder=$work/packages/$1
  if [[ ! -d $folder ]]; then
    mkdir -p -- "$work/packages"
    rm -rf -- "$folder.new"
    mkdir -- "$folder.new"
    # apt downloads as a user of its own; let it write here rather than warn.
    if getent passwd _apt >/dev/null; then chown _apt -- "$folder.new"; fi
    (cd -- "$folder.new" && logged "$log" "Fetching $package" apt-get -q download "$package")
    dpkg-deb -x "$folder.new"/*.deb "$folder.new"
    rm -- "$folder.new"/*.deb
    mv -T -- "$folder.new" "$folder"
  fi
  printf '%s\n' "$folder"
}

# names: of the lines read, those that are host names of two labels or more under a delegated TLD
sed -n '/BEGIN ICANN/,/END ICANN/{/^[^\/]/p;}' "$suffixes" | sed 's/.*\.//' | sort -u >"$work/tlds"
names() {
  tr '[:upper:]' '[:lower:]' | grep -aE '^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z0-9-]+$' |
    awk -F. 'NR == FNR {tld[$1] = 1; next} $NF in tld' "$work/tlds" - | sort -u
}
# hosts_in_urls: of text
hosts_in_urls() {
  grep -aoiE 'https?://[^ /?#"'\''<>]+' | sed -E 's#^.*//##; s#\\##g; s#^.*@##; s#:.*##'
}

apt-cache dumpavail >"$work/available"
{
  sed -nE 's#^Homepage: *<?[a-zA-Z]+://([^/:?\#> ]+).*#\1#p' "$work/available"
  sed -nE 's#^Maintainer:.*@([^> ]+)>.*#\1#p' "$work/available"
} | names >"$work/debian"
[[ -s $work/debian ]] || die "Debian's package index is empty" "run: apt-get update"
sed -n '/BEGIN PRIVATE/,$p' "$suffixes" | sed -E '/^\/\//d; s/^[*!]\.?//' | names >"$work/suffixes"

# A filter names a host after ||, a site before ## or in domain=a|~b; all else of it is a path.
ublock=$(files_of webext-ublock-origin-firefox)
badger=$(files_of webext-privacy-badger)
{
  find "$ublock" -path '*/assets/*' -name '*.txt' ! -name '*badware*' ! -path '*urlhaus*' -exec cat {} + |
    grep -av '^!' | grep -aoiP '(?<![^|=,~])([a-z0-9_-]+\.)+[a-z][a-z0-9-]+(?=[\^/,|#$]|$)'
  grep -oE '"[^" ]+"' "$badger"/usr/share/webext/privacy-badger/data/seed.json | tr -d '"'
} | names >"$work/web"

spamassassin=$(files_of spamassassin)
rspamd=$(files_of rspamd)
cat "$spamassassin"/usr/share/spamassassin/20_freemail*_domains.cf \
  "$spamassassin"/usr/share/spamassassin/60_welcomelist*.cf "$rspamd"/etc/rspamd/maps.d/*.inc |
  tr -s '[:blank:]@:"' '\n' | sed 's/^\*\.//' | names >"$work/mail"

ytdlp=$(files_of yt-dlp)
calibre=$(files_of calibre)
{
  find "$ytdlp" -name '*.py' -exec cat {} + | hosts_in_urls
  python3 - "$calibre/usr/share/calibre/builtin_recipes.zip" <<'EOF' | hosts_in_urls
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as recipes:
    for name in recipes.namelist():
        sys.stdout.buffer.write(recipes.read(name))
EOF
} | names >"$work/sites"

"$programs/nearmiss_lookalike_classifier" "${list[@]}" "$here/lookalike_domains.txt" "$work/variants" \
  "$here/lookalike_reviewed.txt" "$work"/{debian,suffixes,web,mail,sites} "$@"
sort -u "$work"/{debian,suffixes,mail,sites} >"$work/organisations"
"$programs/nearmiss_lookalike_neighbours" "${list[@]}" "$work/organisations" "$work/web" "$@"
