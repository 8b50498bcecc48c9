# shellcheck shell=bash
# What tests/windows and tests/static share: packages, and Debian's toolchain.

step() { printf '\n== %s\n' "$*"; }

# Packages as package:command, where the command shows that the package is there.
needs() {
    local missing=() entry
    for entry in rustc-web:/usr/share/doc/rustc-web cargo-web:/usr/share/doc/cargo-web \
        rust-web-src:/usr/share/doc/rust-web-src "$@"; do
        command -v "${entry#*:}" >/dev/null || [ -e "${entry#*:}" ] || missing+=("${entry%%:*}")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        step "install ${missing[*]}"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
    else
        echo "$0 needs these packages, by their names in Debian 12: ${missing[*]}" >&2
        echo "  do     sudo apt-get install ${missing[*]}" >&2
        exit 1
    fi
}

# The program that a package brought: rustup's comes first in PATH.
from_package() { dpkg -L "$1" | grep -m1 "/bin/$2\$"; }

# cargo as the distribution has it, with a standard library of its own. The standard
# library of another target is built by a feature that is not stable: for these
# checks alone.
build() {
    local rustc cargo
    rustc=$(from_package rustc-web rustc)
    cargo=$(from_package cargo-web cargo)
    RUSTC=$rustc RUSTC_BOOTSTRAP=1 "$cargo" "$1" --locked -Zwarnings -Zbuild-std=std,panic_unwind "${@:2}"
}
