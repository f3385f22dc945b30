#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Boots Debian's arm64 kernel on this terminal: to a busybox shell, or with --disk to a Debian system.
# Everything but the guest's own output goes to standard error, so that scripts can be piped through.
set -euo pipefail

invoked_from=$PWD
cd "$(dirname "$0")"

usage() {
    cat <<'END'
usage: ./boot [--disk] [--update] [-- OPTIONS OF armature run]

  --disk     boot a Debian root file system (made at the first time), to a login prompt
  --update   look for a newer kernel at the Debian mirror
  --help     this text

Ctrl-A X leaves, Ctrl-A H lists the keys. What is piped in is typed into the guest:
  printf 'uname -a\npoweroff -f\n' | ./boot
Such as 4 processors: ./boot -- --cpus 4
END
}

disk=
update=()
while [ $# -gt 0 ]; do
    case $1 in
        --disk) disk=.cache/debian.img ;;
        --update) update=(--update) ;;
        --help) usage; exit ;;
        --) shift; break ;;
        *) echo "boot: unknown option '$1' (expected --disk, --update, --help or --)" >&2; exit 2 ;;
    esac
    shift
done

tools/setup build boot
tools/build release >&2
tools/fetch-kernel "${update[@]}"
[ -z "$disk" ] || tools/make-disk "$disk"

append="console=ttyAMA0"
if [ ! -t 0 ]; then
    append+=" quiet script=1"
else
    size=$(stty size 2>/dev/null || echo 24 80)
    append+=" TERM=${TERM:-vt100} LINES=${size% *} COLUMNS=${size#* }"
fi

# What the user gave has precedence; --append adds to ours.
given=" $* "
options=()
while [ $# -gt 0 ]; do
    if [ "$1" = --append ] && [ $# -gt 1 ]; then
        append+=" $2"
        shift
    else
        options+=("$1")
    fi
    shift
done
default() {
    [[ $given == *" $1 "* ]] || options+=("$@")
}
default --kernel "$PWD/.cache/guest/Image"
default --initrd "$PWD/.cache/guest/initrd.gz"
default --net user
if [ -n "$disk" ]; then
    append+=" root=/dev/vda"
    default --memory 2G
    options=(--disk "$PWD/$disk" "${options[@]}")
fi
program=$PWD/build-release/machine/armature
cd "$invoked_from"
exec "$program" run "${options[@]}" --append "$append"
