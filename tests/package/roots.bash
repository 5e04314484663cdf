# Bare Debian 12 systems for the tests of the packages: booted by systemd-nspawn, each in a network namespace. Sourced.
#
# PV_ROOTS (/var/tmp/provost-roots) keeps what was fetched: `base`, a Debian as debootstrap makes it with systemd, and `mirror`, the
# packages that ours depend on. A root is an overlay of base, and gone after the test.

roots=${PV_ROOTS:-/var/tmp/provost-roots}
packages=${PV_PACKAGES:-${PV_BUILD:?the build folder}/../deb/packages}
work=$(mktemp -d /var/tmp/provost-package.XXXXXX)
booted=() spaces=()

skip() { echo "skipped: $*"; exit 77; }
fail() { echo "FAILED: $*" >&2; exit 1; }

# What was started and mounted goes, and nothing else.
roots_end() {
    local name
    for name in "${booted[@]}"; do
        kill "$(cat "$work/$name.pid")" 2>/dev/null || true # nspawn shuts its system down
    done
    for name in "${booted[@]}"; do
        for _ in $(seq 200); do [ -d "/proc/$(cat "$work/$name.pid")" ] || break; sleep 0.05; done
        kill -9 "$(cat "$work/$name.pid")" 2>/dev/null || true
    done
    for name in "${spaces[@]}"; do ip netns del "$name" 2>/dev/null || true; done
    for name in "$work"/*/root; do umount -R -l "$name" 2>/dev/null || true; done
    rm -rf --one-file-system "$work"
}
trap roots_end EXIT

# What has to be there, or the test is skipped with a sentence.
roots_possible() {
    [ "$(id -u)" -eq 0 ] || skip "only root may make roots and namespaces"
    local program
    for program in systemd-nspawn nsenter ip dpkg-scanpackages "$@"; do
        command -v "$program" >/dev/null || skip "$program is missing (apt install systemd-container debootstrap iproute2 dpkg-dev lintian)"
    done
    ip netns add "provost-$$-try" 2>/dev/null || skip "network namespaces are not permitted here"
    ip netns del "provost-$$-try"
    compgen -G "$packages/provost-broker_*.deb" >/dev/null || skip "no packages in $packages (cmake --preset deb, cmake --build --preset deb, cpack --preset deb)"
}

# Fetches what is missing. Minutes the first time, from the mirror that apt uses here.
roots_fetch() {
    local from
    from=$(sed -n 's/^URIs: *//p; s/^deb \(\[[^]]*\] \)\?\([^ ]*\) bookworm .*/\2/p' /etc/apt/sources.list /etc/apt/sources.list.d/*.sources 2>/dev/null | grep -m 1 debian) || from=http://deb.debian.org/debian
    mkdir -p "$roots"
    if [ ! -e "$roots/base.ready" ]; then
        command -v debootstrap >/dev/null || skip "debootstrap is missing"
        rm -rf "$roots/base.new"
        debootstrap --variant=minbase --include=systemd-sysv,dbus,iproute2 bookworm "$roots/base.new" "$from" >"$work/debootstrap.log" ||
            { tail -5 "$work/debootstrap.log"; skip "debootstrap did not work (no network?)"; }
        rm -rf "$roots/base"; mv "$roots/base.new" "$roots/base"; touch "$roots/base.ready"
    fi
    # What ours depend on now: what was fetched for other dependencies is fetched anew.
    local needs
    needs=$(for deb in "$packages"/*.deb; do dpkg-deb -f "$deb" Package Depends; done | sha256sum)
    [ -e "$roots/mirror/Packages" ] && [ "$(cat "$roots/mirror.for" 2>/dev/null)" = "$needs" ] && return
    rm -rf "$roots/mirror"
    root_make fetch
    mkdir -p "$roots/mirror"
    cp /etc/resolv.conf "$work/fetch/root/etc/"
    echo "deb $from bookworm main" >"$work/fetch/root/etc/apt/sources.list"
    chroot "$work/fetch/root" apt-get -q update >"$work/fetch.log" 2>&1 &&
        chroot "$work/fetch/root" sh -c 'apt-get -qy install --download-only --no-install-recommends /packages/*.deb' >>"$work/fetch.log" 2>&1 ||
        { tail -5 "$work/fetch.log"; skip "the packages that ours need cannot be fetched"; }
    cp "$work"/fetch/root/var/cache/apt/archives/*.deb "$roots/mirror/"
    (cd "$roots/mirror" && dpkg-scanpackages -m . >Packages.new 2>/dev/null && mv Packages.new Packages)
    echo "$needs" >"$roots/mirror.for"
}

# A fresh Debian in $work/NAME/root: overlay of base, our packages in /packages, those they need in /mirror as apt's only source.
root_make() {
    local at=$work/$1
    mkdir -p "$at/root" "$at/upper" "$at/work"
    mount -t overlay overlay -o "lowerdir=$roots/base,upperdir=$at/upper,workdir=$at/work" "$at/root" || skip "overlay file systems are not permitted here"
    mkdir -p "$at/root/packages" "$at/root/mirror"
    cp "$packages"/*.deb "$at/root/packages/"
    if [ -e "$roots/mirror/Packages" ]; then
        cp -r "$roots/mirror/." "$at/root/mirror/"
        rm -f "$at/root/etc/apt/sources.list"
        echo 'deb [trusted=yes] file:/mirror ./' >"$at/root/etc/apt/sources.list"
        [ -z "${PV_UNSAFE_IO:-}" ] || echo force-unsafe-io >"$at/root/etc/dpkg/dpkg.cfg.d/unsafe-io" # what dpkg syncs is not looked at
        chroot "$at/root" apt-get -qq update >/dev/null 2>&1
    fi
}

# root_boot NAME: systemd as its first process, in the network namespace of that name, with loopback up.
root_boot() {
    local at=$work/$1 space=provost-$$-$1
    if ! [ -e "/run/netns/$space" ]; then ip netns add "$space"; spaces+=("$space"); ip -n "$space" link set lo up; fi
    systemd-nspawn -q -D "$at/root" --boot --register=no --keep-unit --network-namespace-path="/run/netns/$space" --console=pipe \
        --resolv-conf=off --timezone=off </dev/null >"$work/$1.console" 2>&1 &
    echo $! >"$work/$1.pid"
    booted+=("$1")
    local state=
    for _ in $(seq 300); do
        state=$(root_run "$1" systemctl is-system-running 2>/dev/null) || true
        case $state in running | degraded) return 0 ;; esac
        [ -d "/proc/$(cat "$work/$1.pid")" ] || { tail -5 "$work/$1.console"; skip "systemd does not start in a namespace here"; }
        sleep 0.1
    done
    tail -5 "$work/$1.console"
    skip "systemd did not come up in a namespace within 30 s ($state)"
}

# root_run NAME COMMAND...: as root inside it, in /root.
root_run() {
    local name=$1 leader; shift
    leader=$(pgrep -P "$(cat "$work/$name.pid")" | head -1)
    [ -n "$leader" ] || return 1
    nsenter -t "$leader" -m -u -i -n -p -C -r env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        sh -c 'cd /root && exec "$@"' sh "$@"
}

# link NAME NAME: a cable between two booted roots' namespaces, 10.9.7.1 and 10.9.7.2.
roots_link() {
    local a=provost-$$-$1 b=provost-$$-$2 space
    for space in "$a" "$b"; do ip netns add "$space"; spaces+=("$space"); ip -n "$space" link set lo up; done
    ip -n "$a" link add cable type veth peer name cable netns "$b" || skip "veth devices are not permitted here"
    ip -n "$a" addr add 10.9.7.1/24 dev cable; ip -n "$a" link set cable up
    ip -n "$b" addr add 10.9.7.2/24 dev cable; ip -n "$b" link set cable up
}

# until WHAT COMMAND...: within 30 s.
until_true() {
    local what=$1; shift
    for _ in $(seq 300); do "$@" >/dev/null 2>&1 && return 0; sleep 0.1; done
    fail "not within 30 s: $what"
}
