#!/usr/bin/env bash
# usage: contrib/packaging/try-arm64.sh
#
# Builds Unbound, the module, the command and the unit tests for Linux on arm64, with Debian 12's cross
# compiler in a fresh root made for it, and runs there under qemu's user emulation: the unit tests, the
# command, and the trial of module and Unbound on a port of 127.0.0.1 (trial.sh). The Unbound is the one
# that contrib/unbound/build.sh made from Debian's source package.
#
# Needs root and the network; a quarter of an hour on two cores. Exit status: 0 when all passed.

set -euo pipefail
# shellcheck source=contrib/common.sh
. "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/../common.sh"
# shellcheck source=contrib/packaging/roots.sh
. "$root/contrib/packaging/roots.sh"

case ${1-} in
'') ;;
-h | --help) usage && exit ;;
*) die "unknown option: $1" "see ${0##*/} --help" ;;
esac

log=$root/build/try-arm64.log
mkdir -p -- "$root/build"
: >"$log"
"$root/contrib/install-packages.sh" packaging
[[ -e $root/build/unbound/source/configure ]] || "$root/contrib/unbound/build.sh"
unbound_source=$(readlink -f -- "$root/build/unbound/source")
trial=$(copy bookworm try-arm64)
mkdir -p -- "$trial/root/nearmiss"
git -C "$root" ls-files -z --cached --others --exclude-standard |
  tar -C "$root" --null --ignore-failed-read -T - -cf - 2>>"$log" | tar -C "$trial/root/nearmiss" -xf -
cp -r -- "$unbound_source" "$trial/root/unbound-source"

there() { enter "$trial" "PKG_CONFIG_LIBDIR=/usr/lib/aarch64-linux-gnu/pkgconfig:/usr/share/pkgconfig" "$@"; }
in_shell() { there bash -euc "cd /root; $1"; }

# Libraries for arm64, of the same packages as `build` and `unbound` have; programs of this machine.
libraries=()
mapfile -t packages < <("$root/contrib/install-packages.sh" --list build unbound)
for package in "${packages[@]}"; do
  case $package in
  lib*-dev | zlib1g-dev | catch2) libraries+=("$package:arm64") ;;
  bison | cmake | flex | ninja-build | pkg-config | protobuf-c-compiler | publicsuffix | nlohmann-json3-dev)
    libraries+=("$package")
    ;;
  esac
done
libraries=("${libraries[@]/libcli11-dev:arm64/libcli11-dev}")
logged "$log" "Installing a cross compiler and libraries for arm64" in_shell "dpkg --add-architecture arm64
  apt-get -q update
  apt-get -q -y --no-install-recommends install crossbuild-essential-arm64 python3 qemu-user-static ${libraries[*]}"

built "$log" "Building Unbound for arm64" in_shell "mkdir -p unbound-objects; cd unbound-objects
  ../unbound-source/configure --host=aarch64-linux-gnu --with-dynlibmodule --with-libnghttp2 --with-libevent \
    --with-chroot-dir= --disable-rpath
  make -j$(nproc) unbound"
# Not libtool's wrapper, where it made one; it is linked again for nothing else.
in_shell "[ ! -e unbound-objects/.libs/unbound ] || mv unbound-objects/.libs/unbound unbound-objects/unbound" >>"$log" 2>&1

logged "$log" "Configuring nearmiss for arm64" in_shell "cmake -G Ninja -S nearmiss -B arm64 \
  -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 -DCMAKE_C_COMPILER=aarch64-linux-gnu-gcc \
  -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++ '-DCMAKE_CROSSCOMPILING_EMULATOR=qemu-aarch64-static' \
  -DCMAKE_BUILD_TYPE=Release -DUNBOUND_SOURCE_DIR=/root/unbound-source -DUNBOUND_BUILD_DIR=/root/unbound-objects"
built "$log" "Building the module for arm64" in_shell "cmake --build arm64 -j$(nproc) --target module/nearmiss.so"
file=$trial/root/arm64/module/nearmiss.so
readelf -h "$file" | grep -q 'Machine: *AArch64' || die "$file is not for arm64"
# The trial starts what it is given: qemu with Unbound.
cat >"$trial/root/unbound" <<'END'
#!/bin/sh
exec qemu-aarch64-static /root/unbound-objects/unbound "$@"
END
chmod +x -- "$trial/root/unbound"
logged "$log" "Unbound with the module, under qemu: starts, blocks, lets through" \
  in_shell "nearmiss/contrib/packaging/trial.sh --unbound /root/unbound --module /root/arm64/module/nearmiss.so"

built "$log" "Building the command and the unit tests for arm64" \
  in_shell "cmake --build arm64 -j$(nproc) --target contrib/cli/nearmiss tests/unit/all"
logged "$log" "The command, under qemu" in_shell "qemu-aarch64-static arm64/contrib/cli/nearmiss check nearmiss/config/nearmiss.yaml"
# The tests start the command by its path.
in_shell "mv arm64/contrib/cli/nearmiss arm64/contrib/cli/nearmiss.arm64"
cat >"$trial/root/arm64/contrib/cli/nearmiss" <<'END'
#!/bin/sh
exec qemu-aarch64-static /root/arm64/contrib/cli/nearmiss.arm64 "$@"
END
chmod +x -- "$trial/root/arm64/contrib/cli/nearmiss"
for tests in lookalike unit event memory; do
  logged "$log" "nearmiss_${tests}_tests, under qemu" in_shell "qemu-aarch64-static arm64/tests/unit/nearmiss_${tests}_tests"
  say "  $(grep -a 'All tests passed\|test cases:' "$log" | tail -n 1)"
done
say "All passed"
