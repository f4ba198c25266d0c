#!/usr/bin/env bash
# usage: contrib/unbound/build.sh [--source DIR [--program FILE]] [--sanitize KIND] [--link DIR] [--refresh]
#
# Builds an Unbound that can load the module: the suite's own source and configure line (Debian's,
# Ubuntu's, ...) plus --with-dynlibmodule, which their packages lack. Nothing of the machine's Unbound
# or of its apt configuration is touched.
#
#   --source DIR     build this Unbound source tree instead, with the same features (without
#                    the Python module); the tree itself is left as it is, and apt is not needed
#   --program FILE   build no Unbound: the module is for this installed one, which can load modules,
#                    and DIR is the source of its release, configured as `FILE -V` says
#   --sanitize KIND  address,undefined or thread: an instrumented Unbound, for an instrumented
#                    module
#   --link DIR       where to put the links (default: build/unbound in this clone)
#   --refresh        ask the suite whether it has a newer source than the one built before, and build
#                    that; without it, a newer one that apt knows of is only reported
#
# An Unbound of your own gets no security update until you build it again: run this with --refresh
# when it reports a newer one, and contrib/packaging/trial.sh before you put it into service. The one
# built before stays in the cache; contrib/packaging/README.md says how to go back to it.
#
# What is built stays in the cache ($NEARMISS_CACHE, else ~/.cache/nearmiss), in a folder named
# by version, options and compiler; a second run only renews the links:
#
#   DIR/source   the source tree, with the headers
#   DIR/objects  config.h and the programs
#   DIR/unbound  the server

set -euo pipefail
# shellcheck source=contrib/common.sh
. "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/../common.sh"

source_dir=
program=
sanitize=
link_dir=$root/build/unbound
refresh=no
while (($#)); do
  case $1 in
  -h | --help) usage && exit ;;
  --source)
    source_dir=$(cd -- "$(value_of "$@")" && pwd -P) || die "cannot enter the directory $2"
    shift
    ;;
  --program)
    program=$(realpath -e -- "$(value_of "$@")") || die "there is no program $2"
    shift
    ;;
  --sanitize)
    sanitize=$(value_of "$@")
    shift
    ;;
  --link)
    link_dir=$(realpath -m -- "$(value_of "$@")")
    shift
    ;;
  --refresh) refresh=yes ;;
  *) die "unknown option: $1" "see ${0##*/} --help" ;;
  esac
  shift
done
case $sanitize in
'' | address | undefined | address,undefined | thread) ;;
*) die "--sanitize $sanitize is not known" "address,undefined or thread" ;;
esac

[[ -z $program || -n $source_dir ]] || die "--program needs the source of that Unbound's release" \
  "get it from the project or your distribution, and give it with --source DIR"

# Debian's own flags are in its debian/rules; these are what they amount to.
features=(--enable-subnet --enable-dnstap --enable-systemd --with-dynlibmodule --with-libnghttp2
  --with-libevent --with-chroot-dir= --enable-tfo-client --enable-tfo-server --disable-rpath)
# Instrumented code is for finding faults: symbols that can be read, no link-time optimisation,
# and no leak reports from the small programs that configure runs.
instrumented_flags="-g -O1 -fno-omit-frame-pointer -fsanitize=$sanitize"
clean_environment=(env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "HOME=${HOME:-/root}" "LC_ALL=$LC_ALL"
  ASAN_OPTIONS=detect_leaks=0)

compiler() {
  if command -v gcc >/dev/null; then gcc --version | head -n 1; fi
}

# A number for everything but the version that decides what comes out.
recipe() {
  {
    compiler
    uname -m
    sed -n 's/^\(ID\|VERSION_ID\)=//p' /etc/os-release
    printf '%s\n' "recipe 1" "$sanitize" "${features[@]}"
    if [[ -n $program ]]; then sha256sum <"$program"; fi
    if [[ -n $source_dir ]]; then
      cd -- "$source_dir"
      find . -name testdata -prune -o -name .git -prune -o -type f \
        '(' -name '*.[chly]' -o -name 'configure*' -o -name '*.in' ')' -print0 |
        sort -z | xargs -0 sha256sum
    fi
  } | sha256sum | cut -c -12
}

# link_to FOLDER: the links in the clone. The module's build sees headers change by their time
# of change only, and a link to an older build would look unchanged: hence the touch.
link_to() {
  local built=$1
  if relink "$built/objects" "$link_dir/objects"; then touch -- "$built/objects/config.h"; fi
  relink "$built/source" "$link_dir/source" || true
  relink "objects/unbound" "$link_dir/unbound" || true
  say "Unbound for the module: $link_dir/unbound -> $(readlink -f -- "$built/objects/unbound")"
  warn_if_untested "$built"
  warn_if_newer "$built"
}

# of_folder FOLDER: the version in its name
of_folder() {
  local version=${1##*/unbound-}
  version=${version%-*}
  version=${version%-debian}
  version=${version%-source}
  printf '%s\n' "${version%-installed}"
}

warn_if_untested() {
  local release tested=$root/module/unbound/tested-releases.txt
  release=$(of_folder "$1")
  release=${release%%-*}
  grep -q "^${release//./\\.}[[:space:]]" "$tested" ||
    say "Warning: nearmiss has not been tested with Unbound $release, but with $(sed -n 's/^\([0-9][^ ]*\).*/\1/p' "$tested" | paste -s -d ' ')."
}

# By what apt knows already: the network is not asked.
warn_if_newer() {
  local candidate version
  if [[ -n $source_dir ]] || ! command -v apt-cache >/dev/null; then return; fi
  version=$(of_folder "$1")
  candidate=$(apt-cache policy unbound 2>/dev/null | sed -n 's/^ *Candidate: \([0-9].*\)/\1/p' | sed 's/+b[0-9]*$//')
  if [[ -n $candidate ]] && dpkg --compare-versions "$candidate" gt "$version"; then
    say "Warning: the suite has a newer Unbound, $candidate; this one, $version, lacks its fixes." \
      "Build that: contrib/unbound/build.sh --refresh"
  fi
}

# The newest folder in the cache that this recipe has made, or nothing.
find_built() {
  local found
  found=$(find "$cache" -mindepth 1 -maxdepth 1 -type d -name "$1" 2>/dev/null | sort -V | tail -n 1)
  [[ -n $found ]] && printf '%s\n' "$found"
}

# The suite's source lists, from where apt has the binary package; no host is named here.
source_lists() {
  local options='' keyring
  keyring=/usr/share/keyrings/$(sed -n 's/^ID=//p' /etc/os-release)-archive-keyring.gpg
  if [[ -e $keyring ]]; then options="[signed-by=$keyring] "; fi
  apt-cache madison unbound | sed -n -E "s#^[^|]*\\|[^|]*\\| *([^ ]+) ([^ ]+)/([^ /]+) [^ ]+ Packages\$#deb-src $options\\1 \\2 \\3#p" |
    sort -u
}

# An apt that knows the source lists only, and keeps all its state in the work folder.
source_apt() {
  apt-get -q -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null \
    -o Dir::State::Lists="$work/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
    -o DPkg::Lock::Timeout=300 "$@"
}

# What to do when the source cannot be had.
by_hand=("get the source of an Unbound release, from the project or your distribution, and unpack it; then:"
  "contrib/quickstart.sh --unbound-source DIR, or contrib/unbound/build.sh --source DIR")

fetch_debian_source() {
  command -v apt-get >/dev/null || die "there is no apt-get, and so no source package of a suite" "${by_hand[@]}"
  if [[ -z $(source_lists) ]]; then
    logged "$log" "Reading the package lists" apt-get -q update
  fi
  source_lists >"$work/sources.list"
  [[ -s $work/sources.list ]] || die "apt on this machine knows of no package unbound" "${by_hand[@]}"
  mkdir -p -- "$work/lists/partial"
  logged "$log" "Reading the source lists" source_apt update
  version=$(source_apt --print-uris --download-only source unbound 2>>"$log" |
    sed -n "s/.* unbound_\([^ ]*\)\.dsc .*/\1/p" | head -n 1)
  [[ -n $version ]] || die "the suite's source lists have no unbound; see $log" "${by_hand[@]}"
}

unpack_debian_source() {
  (
    cd -- "$work"
    source_apt source "unbound=$version" </dev/null >>"$log" 2>&1 || {
      tail -n 5 -- "$log" >&2
      die "the source package of Unbound $version cannot be had; the whole output is in $log" "${by_hand[@]}"
    }
    mv -- unbound-*/ source
    cd source
    sed -i 's/--enable-systemd/& --with-dynlibmodule/' debian/rules
    grep -q -e --with-dynlibmodule debian/rules ||
      die "debian/rules of unbound $version has no --enable-systemd to put --with-dynlibmodule beside" \
        "give a source tree with --source DIR"
    if ! dpkg-checkbuilddeps >>"$log" 2>&1; then
      logged "$log" "Reading the package lists" apt-get -q update
      DEBIAN_FRONTEND=noninteractive logged "$log" "Installing what Unbound's source asks for" \
        apt-get -y -q --no-install-recommends --no-remove -o DPkg::Lock::Timeout=300 build-dep ./
    fi
  )
}

build_debian_source() {
  local environment=()
  if [[ -n $sanitize ]]; then
    environment=("DEB_CFLAGS_APPEND=$instrumented_flags" "DEB_LDFLAGS_APPEND=-fsanitize=$sanitize")
    sed -i 's/--with-dynlibmodule/& --disable-flto/' "$work/source/debian/rules"
  fi
  built "$log" "Building Unbound $version (a minute or two)" \
    "${clean_environment[@]}" "${environment[@]}" \
    make -C "$work/source" -j"$(nproc)" -f debian/rules unbound-build
  mv -- "$work/source/b/unbound" "$work/objects"
}

copy_source_tree() {
  mkdir -- "$work/source" "$work/objects"
  # What an earlier build left in the tree would win over ours.
  tar -C "$source_dir" --exclude=.git --exclude=./config.h --exclude=./config.status \
    --exclude=./Makefile --exclude='*.o' --exclude='*.lo' --exclude=.libs -cf - . |
    tar -C "$work/source" -xf -
}

build_source_tree() {
  local flags=() features=("${features[@]}")
  copy_source_tree
  if [[ -n $sanitize ]]; then
    flags=("CFLAGS=$instrumented_flags" "LDFLAGS=-fsanitize=$sanitize")
    features+=(--disable-flto)
  fi
  (
    cd -- "$work/objects"
    logged "$log" "Configuring Unbound $version" \
      "${clean_environment[@]}" ../source/configure "${features[@]}" "${flags[@]}"
    built "$log" "Building Unbound $version (a minute or two)" \
      "${clean_environment[@]}" make -j"$(nproc)"
  )
}

# Words of a configure line as `unbound -V` prints it, one argument a line: without quotes, so a word that
# begins neither an option nor a variable belongs to the one before (CFLAGS=-O2 -g).
arguments_of() {
  local word argument=
  for word in $1; do
    if [[ $word == --* || $word =~ ^[A-Za-z_]+= ]]; then
      [[ -z $argument ]] || printf '%s\n' "$argument"
      argument=$word
    else
      argument+=${argument:+ }$word
    fi
  done
  [[ -z $argument ]] || printf '%s\n' "$argument"
}

# For an Unbound that is installed: config.h, and a link to it.
configure_for_program() {
  local said line arguments name
  said=$("$program" -V 2>&1) || die "$program does not run: $said"
  grep -q "^Version ${version//./\\.}\$" <<<"$said" ||
    die "$program is of $(sed -n 's/^Version /Unbound /p' <<<"$said"), but $source_dir is of Unbound $version" \
      "get the source of that release"
  grep -q 'Linked modules:.*dynlib' <<<"$said" ||
    die "$program cannot load modules (unbound -V lists no dynlib)" "run contrib/unbound/build.sh without --program"
  line=$(sed -n 's/^Configure line: //p' <<<"$said")
  mapfile -t arguments < <(arguments_of "$line")
  copy_source_tree
  (
    cd -- "$work/objects"
    # Distributions give configure the version of Python in its environment, which is not in the line.
    command -v python >/dev/null || clean_environment+=(PYTHON_VERSION=3)
    logged "$log" "Configuring Unbound $version as $program was (a library that is missing is named in $log)" \
      "${clean_environment[@]}" ../source/configure "${arguments[@]}"
  )
  for name in unbound unbound-checkconf unbound-control; do
    [[ ! -x ${program%/*}/$name ]] || ln -s -- "${program%/*}/$name" "$work/objects/$name"
  done
  ln -sf -- "$program" "$work/objects/unbound"
}

# What is kept: headers, sources for the debugger, and the programs that stand alone.
# unbound-host and unbound-anchor are left out: libtool's wrappers, bound to the build folder.
keep() {
  local built=$1 new=$cache/.new.unbound
  rm -rf -- "$work/source/testdata" "$work/source/.pc" "$work/source/b"
  find "$work/objects" -depth '(' -name '*.o' -o -name '*.lo' -o -name '*.la' -o -name .libs \
    -o -name unbound-host -o -name unbound-anchor ')' -exec rm -rf -- {} +
  "$work/objects/unbound" -V >"$work/version" 2>&1 || die "the Unbound just built does not run" "see $log"
  grep -q 'Linked modules:.*dynlib' "$work/version" ||
    die "the Unbound just built cannot load modules (unbound -V lists no dynlib)" "see $log"
  rm -rf -- "$new"
  mkdir -- "$new"
  cp -a -- "$work/source" "$work/objects" "$new/"
  cp -- "$log" "$new/build.log"
  mv -T -- "$new" "$built"
}

if [[ -n $source_dir ]]; then
  [[ -x $source_dir/configure && -f $source_dir/util/netevent.h ]] ||
    die "$source_dir is not an Unbound source tree (no configure, or no util/netevent.h)"
  version=$(sed -n "s/^PACKAGE_VERSION='\(.*\)'/\1/p" "$source_dir/configure")
  pattern=unbound-$version-${program:+installed}$([[ -n $program ]] || echo source)-$(recipe)
else
  pattern="unbound-[0-9]*-debian-$(recipe)"
fi

if [[ $refresh == no ]] && built=$(find_built "$pattern"); then
  link_to "$built"
  exit
fi

if command -v apt-get >/dev/null; then
  "$root/contrib/install-packages.sh" unbound
else
  say "No apt-get here: what Unbound is built with has to be there (a C compiler, make, bison, flex, pkg-config," \
    "and the headers of OpenSSL, expat, libevent, libnghttp2, protobuf-c and systemd)"
fi
# Only now is there surely a compiler, which is part of the name.
pattern=${pattern%-*}-$(recipe)
mkdir -p -- "$cache"
exec {lock}>"$cache/.lock"
if ! flock -n "$lock"; then
  say "Another build is under way with this cache; waiting for it"
  flock "$lock"
  if [[ $refresh == no ]] && built=$(find_built "$pattern"); then
    link_to "$built"
    exit
  fi
fi

# Unbound's own build cannot stand a space in its path, and the cache may have one.
# Named after the cache, so that what a killed build has left can be told and removed here.
work=${TMPDIR:-/var/tmp}/nearmiss-unbound-$(sha256sum <<<"$cache" | cut -c -8)
rm -rf -- "$work".*
work=$(mktemp -d -- "$work.XXXXXX")
[[ $work != *[[:space:]]* ]] || die "the directory $work has a space in its path" "set TMPDIR to another one"
trap 'rm -rf -- "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
chmod 755 -- "$work"
# Outlives the work folder, so that it can be read when something failed.
log=$cache/unbound-build.log
: >"$log"

if [[ -z $source_dir ]]; then
  before=$(find_built "unbound-[0-9]*-debian-*") || before=
  fetch_debian_source
  pattern=unbound-$version-debian-${pattern##*-}
fi
built=$cache/$pattern
if [[ ! -d $built ]]; then
  if [[ -z $source_dir ]]; then
    if [[ -n $before ]]; then say "The suite has Unbound $version; built before: $(of_folder "$before")"; fi
    unpack_debian_source
    build_debian_source
  elif [[ -n $program ]]; then
    configure_for_program
  else
    build_source_tree
  fi
  keep "$built"
elif [[ -z $source_dir ]]; then
  say "Unbound $version is the newest that the suite has, and built already"
fi
link_to "$built"
