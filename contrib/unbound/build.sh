#!/usr/bin/env bash
# usage: contrib/unbound/build.sh [--source DIR] [--sanitize KIND] [--link DIR] [--refresh]
#
# Builds an Unbound that can load the module: Debian's own source and configure line plus
# --with-dynlibmodule, which Debian's package lacks. Nothing of the machine's Unbound or of
# its apt configuration is touched.
#
#   --source DIR     build this Unbound source tree instead, with the same features (without
#                    the Python module); the tree itself is left as it is
#   --sanitize KIND  address,undefined or thread: an instrumented Unbound, for an instrumented
#                    module
#   --link DIR       where to put the links (default: build/unbound in this clone)
#   --refresh        ask Debian whether there is a newer source than the one built before
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
sanitize=
link_dir=$root/build/unbound
refresh=no
while (($#)); do
  case $1 in
  -h | --help) usage && exit ;;
  --source)
    source_dir=$(cd -- "$(value_of "$@")" && pwd -P) || die "cannot enter the folder $2"
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
  say "Unbound for the module: $link_dir/unbound -> $built/objects/unbound"
}

# The newest folder in the cache that this recipe has made, or nothing.
find_built() {
  local found
  found=$(find "$cache" -mindepth 1 -maxdepth 1 -type d -name "$1" 2>/dev/null | sort -V | tail -n 1)
  [[ -n $found ]] && printf '%s\n' "$found"
}

# Debian's source lists, from the machine's own binary ones; no host is named here.
source_lists() {
  local options=
  if [[ -e /usr/share/keyrings/debian-archive-keyring.gpg ]]; then
    options='[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] '
  fi
  # apt fills in the names in brackets.
  # shellcheck disable=SC2016
  apt-get indextargets --format "deb-src $options"'$(REPO_URI) $(RELEASE) $(COMPONENT)' \
    'Created-By: Packages' 'Origin: Debian' 'Component: main' | sort -u
}

# An apt that knows the source lists only, and keeps all its state in the work folder.
source_apt() {
  apt-get -q -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null \
    -o Dir::State::Lists="$work/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
    -o DPkg::Lock::Timeout=300 "$@"
}

fetch_debian_source() {
  if [[ -z $(source_lists) ]]; then
    logged "$log" "Reading Debian's package lists" apt-get -q update
  fi
  source_lists >"$work/sources.list"
  [[ -s $work/sources.list ]] || die "apt on this machine has no source with 'Origin: Debian'" \
    "add a Debian repository to its sources, or give a source tree with --source DIR"
  mkdir -p -- "$work/lists/partial"
  logged "$log" "Reading Debian's source lists" source_apt update
  version=$(source_apt --print-uris --download-only source unbound 2>>"$log" |
    sed -n "s/.* unbound_\([^ ]*\)\.dsc .*/\1/p" | head -n 1)
  [[ -n $version ]] || die "Debian's source lists have no unbound" "see $log and $work/sources.list"
}

unpack_debian_source() {
  (
    cd -- "$work"
    logged "$log" "Fetching Unbound $version's source" source_apt source "unbound=$version"
    mv -- unbound-*/ source
    cd source
    sed -i 's/--enable-systemd/& --with-dynlibmodule/' debian/rules
    grep -q -e --with-dynlibmodule debian/rules ||
      die "debian/rules of unbound $version has no --enable-systemd to put --with-dynlibmodule beside" \
        "give a source tree with --source DIR"
    if ! dpkg-checkbuilddeps >>"$log" 2>&1; then
      logged "$log" "Reading Debian's package lists" apt-get -q update
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
  logged "$log" "Building Unbound $version (a minute or two)" \
    "${clean_environment[@]}" "${environment[@]}" \
    make -C "$work/source" -j"$(nproc)" -f debian/rules unbound-build
  mv -- "$work/source/b/unbound" "$work/objects"
}

build_source_tree() {
  local flags=() features=("${features[@]}")
  mkdir -- "$work/source" "$work/objects"
  # What an earlier build left in the tree would win over ours.
  tar -C "$source_dir" --exclude=.git --exclude=./config.h --exclude=./config.status \
    --exclude=./Makefile --exclude='*.o' --exclude='*.lo' --exclude=.libs -cf - . |
    tar -C "$work/source" -xf -
  if [[ -n $sanitize ]]; then
    flags=("CFLAGS=$instrumented_flags" "LDFLAGS=-fsanitize=$sanitize")
    features+=(--disable-flto)
  fi
  (
    cd -- "$work/objects"
    logged "$log" "Configuring Unbound $version" \
      "${clean_environment[@]}" ../source/configure "${features[@]}" "${flags[@]}"
    logged "$log" "Building Unbound $version (a minute or two)" \
      "${clean_environment[@]}" make -j"$(nproc)"
  )
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
  pattern=unbound-$version-source-$(recipe)
else
  pattern="unbound-[0-9]*-debian-$(recipe)"
fi

if [[ $refresh == no ]] && built=$(find_built "$pattern"); then
  link_to "$built"
  exit
fi

"$root/contrib/install-packages.sh" unbound
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
[[ $work != *[[:space:]]* ]] || die "the folder $work has a space in its path" "set TMPDIR to another folder"
trap 'rm -rf -- "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
chmod 755 -- "$work"
# Outlives the work folder, so that it can be read when something failed.
log=$cache/unbound-build.log
: >"$log"

if [[ -z $source_dir ]]; then
  fetch_debian_source
  pattern=unbound-$version-debian-${pattern##*-}
fi
built=$cache/$pattern
if [[ ! -d $built ]]; then
  if [[ -z $source_dir ]]; then
    unpack_debian_source
    build_debian_source
  else
    build_source_tree
  fi
  keep "$built"
fi
link_to "$built"
