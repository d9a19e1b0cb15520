# Sourced by ./run and ./test, which set $root: makes sure that packages are there.
#
# need PACKAGE...: installs what is missing with apt-get (with sudo when not root); elsewhere prints what to install and ends.

say()
{
    printf '  %s\n' "$*"
}

missing_packages()
{
    for package in "$@"; do
        case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) in
        *' installed') ;;
        *) printf ' %s' "$package" ;;
        esac
    done
}

# The lists of packages may be missing (a bare image) or old: asks for new ones only when it does not work without.
# A machine that has just started may be installing its own updates: waits for that.
apt_install()
{
    # shellcheck disable=SC2086 # the list is meant to be split
    set -- $as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y \
        --no-install-recommends $missing
    "$@" || { $as_root apt-get update && "$@"; }
}

need()
{
    if ! command -v apt-get >/dev/null 2>&1 || ! command -v dpkg-query >/dev/null 2>&1; then
        for tool in cc meson ninja pkg-config; do
            command -v "$tool" >/dev/null 2>&1 && continue
            say "$tool is missing, and there is no apt-get to install it with. Install what these Debian packages hold: $*" >&2
            exit 1
        done
        return 0
    fi
    missing=$(missing_packages "$@")
    [ -z "$missing" ] && return 0
    as_root=
    if [ "$(id -u)" != 0 ]; then
        if ! command -v sudo >/dev/null 2>&1; then
            say "packages are missing, and there is no sudo; as root: apt-get install --no-install-recommends$missing" >&2
            exit 1
        fi
        as_root=sudo
    fi
    say "installing$missing" >&2
    if ! output=$(apt_install 2>&1 </dev/null); then
        printf '%s\n' "$output" | tail -n 15 >&2
        say "apt-get could not install$missing (the end of its output is above)" >&2
        exit 1
    fi
}

# build_tree DIR [MESON OPTIONS...]: sets up once, then builds; quiet unless it fails.
build_tree()
{
    tree=$1
    shift
    began=$(date +%s)
    if [ ! -f "$tree/build.ninja" ] && ! output=$(meson setup "$tree" "${root:?}" "$@" 2>&1); then
        printf '%s\n' "$output" >&2
        say "meson could not set up $tree" >&2
        exit 1
    fi
    if ! output=$(ninja -C "$tree" 2>&1); then
        printf '%s\n' "$output" | grep -v '^\[[0-9]*/[0-9]*\] ' >&2
        say "the build in $tree failed" >&2
        exit 1
    fi
    say "built in $(($(date +%s) - began)) s" >&2
}
