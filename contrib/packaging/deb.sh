#!/usr/bin/env bash
# usage: contrib/packaging/deb.sh [--output DIR] [--refresh] [--revision N] [--installed --unbound-source DIR]
#
# Makes Debian packages of nearmiss for the suite that this machine runs: `nearmiss` with the module, the
# command and an Unbound of its own, built from the suite's own source package and flags, for a suite
# whose Unbound cannot load modules; and `nearmiss-dbgsym`. Reads them with lintian, and tries what is in
# them on a port of 127.0.0.1: it starts, blocks and lets through. Nothing is installed but what the build
# needs.
#
#   --output DIR         where to put the packages (default: build/deb)
#   --refresh            ask the suite for a newer source of Unbound first
#   --revision N         the package's revision (default: 1), for a second build of the same sources
#   --installed          the module alone, tied to /usr/sbin/unbound of this machine, which can load
#   --unbound-source DIR modules; and the source of that release
#
# The version of the package holds the version of Unbound's, so that a rebuild with a newer one is an
# upgrade. Exit status: 0 when the packages are there and lintian has no error.

set -euo pipefail
# shellcheck source=contrib/common.sh
. "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/../common.sh"

output=$root/build/deb
revision=1
refresh=()
installed=no
unbound_source=
while (($#)); do
  case $1 in
  -h | --help) usage && exit ;;
  --output)
    output=$(realpath -m -- "$(value_of "$@")")
    shift
    ;;
  --refresh) refresh=(--refresh) ;;
  --revision)
    revision=$(value_of "$@")
    shift
    ;;
  --installed) installed=yes ;;
  --unbound-source)
    unbound_source=$(value_of "$@")
    shift
    ;;
  *) die "unknown option: $1" "see ${0##*/} --help" ;;
  esac
  shift
done
[[ $revision =~ ^[1-9][0-9]*$ ]] || die "--revision $revision is no number"
[[ $installed == no || -n $unbound_source ]] ||
  die "--installed needs the source of that Unbound's release" "give it with --unbound-source DIR"

"$root/contrib/install-packages.sh" build unbound packaging
work=$(mktemp -d -- "${TMPDIR:-/var/tmp}/nearmiss-deb.XXXXXX")
trap 'rm -rf -- "$work"' EXIT
mkdir -p -- "$output"
log=$output/deb.log
: >"$log"

if [[ $installed == yes ]]; then
  "$root/contrib/unbound/build.sh" --source "$unbound_source" --program /usr/sbin/unbound --link "$work/unbound"
  unbound_version=$(dpkg-query -W -f '${Version}' unbound) || die "no package unbound is installed here"
  program=/usr/sbin/unbound
  depends="unbound (= $unbound_version)"
  says="The module is for the suite's Unbound $unbound_version,
 and is installed with it only."
  cmake=(-DNEARMISS_INSTALL_UNBOUND=OFF "-DUNBOUND_PROGRAM=$program")
else
  "$root/contrib/unbound/build.sh" "${refresh[@]}" ${unbound_source:+--source "$unbound_source"} --link "$work/unbound"
  unbound_version=$(basename -- "$(readlink -f -- "$work/unbound/source/..")")
  unbound_version=${unbound_version#unbound-}
  unbound_version=${unbound_version%-*}
  unbound_version=${unbound_version%-debian}
  unbound_version=${unbound_version%-source}
  program=/usr/lib/nearmiss/unbound
  depends="unbound"
  says="It brings an Unbound of its own, $unbound_version,
 which loads modules, as the suite's own package cannot: unbound.service is
 started with it as long as this package is installed."
  cmake=(-DNEARMISS_INSTALL_UNBOUND=ON "-DNEARMISS_UNBOUND_PACKAGE=$unbound_version")
fi
cmake+=("-DUNBOUND_SOURCE_DIR=$work/unbound/source" "-DUNBOUND_BUILD_DIR=$work/unbound/objects")
if command -v ccache >/dev/null; then
  # Named, because debhelper gives the build a home directory of its own.
  CCACHE_DIR=$(ccache --get-config cache_dir)
  export CCACHE_DIR
  cmake+=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
fi

# The sources, as they are here, without what was built.
source=$work/nearmiss
mkdir -- "$source"
if git -C "$root" rev-parse --is-inside-work-tree >/dev/null 2>&1; then
  git -C "$root" ls-files -z --cached --others --exclude-standard |
    tar -C "$root" --null --ignore-failed-read -T - -cf - 2>>"$log" | tar -C "$source" -xf -
else
  tar -C "$root" --exclude='./build*' -cf - . | tar -C "$source" -xf -
fi
cp -r -- "$source/contrib/packaging/debian" "$source/debian"
version=$(sed -n 's/^project(nearmiss VERSION \([0-9.]*\).*/\1/p' "$source/CMakeLists.txt")
codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
upstream=${unbound_version//-/.}
version=$version+unbound${upstream//+/.}-$revision
maintainer="${DEBFULLNAME:-nearmiss} <${DEBEMAIL:-hostmaster@$(hostname --fqdn 2>/dev/null | grep -F . || echo nearmiss.org)}>"
cat >"$source/debian/changelog" <<END
nearmiss ($version) ${codename:-unstable}; urgency=medium

  * For Unbound $unbound_version. See CHANGELOG.md.

 -- $maintainer  $(date -R)
END
license=$(sed 's/^$/./; s/^/ /' "$source/LICENSE")
checkconf=$program-checkconf
control=$source/debian/control
text=$(<"$control")
text=${text//@MAINTAINER@/$maintainer}
text=${text//@UNBOUND_DEPENDS@/$depends}
printf '%s\n' "${text//@UNBOUND_SAYS@/$says}" >"$control"
text=$(<"$source/debian/copyright")
printf '%s\n' "${text//@LICENSE@/$license}" >"$source/debian/copyright"
sed -i "s#@UNBOUND@#$program#g; s#@CHECKCONF@#$checkconf#g" "$source"/debian/nearmiss.post*

build_packages() {
  cd -- "$source"
  NEARMISS_CMAKE="${cmake[*]}" DEB_BUILD_OPTIONS="${DEB_BUILD_OPTIONS:+$DEB_BUILD_OPTIONS }parallel=${NEARMISS_JOBS:-$(nproc)}" \
    CCACHE_BASEDIR=$source CCACHE_NOHASHDIR=1 dpkg-buildpackage -b -us -uc
}
logged "$log" "Building the packages of nearmiss $version" build_packages

lintian_is_content() {
  lintian --fail-on error --no-tag-display-limit --display-info "$work"/nearmiss_*.changes
}
logged "$log" "Reading them with lintian" lintian_is_content
try_package() {
  dpkg-deb -x "$work/nearmiss_${version}_$(dpkg --print-architecture).deb" "$work/unpacked"
  local own=$work/unpacked$program
  [[ -x $own ]] || own=$program
  "$work/unpacked/usr/lib/nearmiss/trial" --unbound "$own"
}
logged "$log" "Trying them on a port of 127.0.0.1" try_package
rm -f -- "$output"/nearmiss*.deb "$output"/nearmiss*.changes
cp -- "$work"/nearmiss*.deb "$work"/nearmiss*.changes "$output/"
say "The packages, for $codename:"
ls -1 -- "$output"/nearmiss*.deb
say "Install them: apt install $output/nearmiss_${version}_$(dpkg --print-architecture).deb"
