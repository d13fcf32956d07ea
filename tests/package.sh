#!/usr/bin/env bash
# Builds the Debian package, then installs, uses, removes and purges it, in a layer over this machine's files that is
# thrown away. Where no such layer can be had, only a machine that is thrown away itself will do: LOBBYD_PACKAGE_HERE=1.
# Needs the Debian packages adduser, dpkg-dev, man-db and xz-utils, and root, by itself or with sudo.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
    echo "package: $*" >&2
    exit 1
}

# What is done with the package, on the machine or in the layer.
try() {
    local deb=$1 version=$2
    # Images of containers leave manuals out.
    install() { dpkg --path-include='/usr/share/man/*' --path-include='/usr/share/doc/*' --install "$deb"; }
    install
    [ "$(lobbyd --version)" = "lobbyd $version" ] || fail "the program does not run"
    MANPAGER=cat man lobbyd | grep -q 'CHAT_ADMINS' || fail "there is no manual page"
    as_user() { (cd /etc/lobbyd && setpriv --reuid=lobbyd --regid=lobbyd --init-groups --reset-env -- "$@"); }
    as_user lobbyd --check-config | grep -qx 'CHAT_DATA_DIR=/var/lib/lobbyd' || fail "the settings are not those of the package"
    [ "$(stat -c '%a %U:%G' /etc/lobbyd/lobbyd.env)" = "640 root:lobbyd" ] || fail "others can read the settings"
    [ "$(stat -c '%a %U:%G' /var/lib/lobbyd)" = "700 lobbyd:lobbyd" ] || fail "others can read the database"
    setpriv --reuid=nobody --regid=nogroup --clear-groups cat /etc/lobbyd/lobbyd.env 2>/dev/null && fail "nobody reads the settings"
    as_user lobbyd gen-cert >/dev/null
    as_user lobbyd --check-config | grep -q '^# TLS certificate' || fail "the user cannot read its own certificate"
    [ -e /usr/share/doc/lobbyd/examples/cluster/nats-one.conf ] || fail "there are no examples for several machines"
    # The server runs as the unit would run it, and stops.
    as_user env CHAT_ADDR=127.0.0.1:0 CHAT_TLS_ADDR=off timeout --signal=TERM 2 lobbyd >/tmp/package-run || [ $? = 124 ]
    grep -q 'Server ready' /tmp/package-run || fail "the server does not start"
    [ -e /var/lib/lobbyd/lobbyd.db ] || fail "there is no database"

    # An upgrade keeps what the administrator has set.
    echo 'CHAT_MAX_MESSAGE_CHARS=77' >>/etc/lobbyd/lobbyd.env
    chmod 0600 /etc/lobbyd/certs/server.key
    install
    as_user lobbyd --check-config | grep -qx 'CHAT_MAX_MESSAGE_CHARS=77' || fail "an upgrade loses settings"

    dpkg --remove lobbyd
    command -v lobbyd && fail "the program is still there"
    grep -q 77 /etc/lobbyd/lobbyd.env || fail "a removal loses settings"
    [ -e /var/lib/lobbyd/lobbyd.db ] || fail "a removal loses the database"
    dpkg --purge lobbyd
    for left in /etc/lobbyd /var/lib/lobbyd /usr/share/doc/lobbyd /usr/lib/systemd/system/lobbyd.service; do
        [ ! -e "$left" ] || fail "a purge leaves $left"
    done
    ! getent passwd lobbyd >/dev/null || fail "a purge leaves the user"
    # A removal of what is not there any more, and a new start, are no trouble.
    install
    dpkg --purge lobbyd
    echo "package: installed, used, removed and purged"
}

if [ "${1-}" = --inside ]; then
    try "$2" "$3"
    exit
fi

# The least of cargo-deb, built quickly; nothing is done where it is there in this version.
cargo install cargo-deb --version 3.8.0 --locked --no-default-features --debug --root target/tools
export PATH=$PWD/target/tools/bin:$PATH

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
deb=$(cargo deb --locked | tail -1)
[ -f "$deb" ] || fail "there is no $deb"
dpkg-deb --info "$deb"
dpkg-deb --contents "$deb" | awk '{ print $1, $2, $6, $7, $8 }'
if command -v lintian >/dev/null; then
    # There is no address that mail could go to.
    lintian --fail-on error --suppress-tags bogus-mail-host-in-debian-changelog,bogus-mail-host "$deb"
fi

as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)
# The layer: this machine's files, of which nothing is changed.
layer=$(mktemp -d)
trap 'rmdir "$layer"' EXIT
lay='mount -t tmpfs tmpfs "$1" && mkdir "$1/upper" "$1/work" "$1/root" &&
    mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root" &&
    mount --rbind /dev "$1/root/dev" && mount -t proc proc "$1/root/proc" &&
    mount -t tmpfs tmpfs "$1/root/tmp" && mount -t tmpfs tmpfs "$1/root/run"'
if "${as_root[@]}" unshare --mount sh -ec "$lay" sh "$layer" 2>/dev/null; then
    "${as_root[@]}" unshare --mount --pid --fork sh -ec "$lay"'
        cp "$2" "$4" "$1/root/tmp/"
        exec chroot "$1/root" env --chdir=/ PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
            bash "/tmp/$(basename "$4")" --inside "/tmp/$(basename "$2")" "$3"' sh "$layer" "$deb" "$version" "$PWD/tests/package.sh"
elif [ "${LOBBYD_PACKAGE_HERE-}" = 1 ]; then
    "${as_root[@]}" "$PWD/tests/package.sh" --inside "$(realpath "$deb")" "$version"
else
    fail "no layer over the files of this machine can be had; LOBBYD_PACKAGE_HERE=1 installs the package on the machine itself"
fi
