#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs a bare-metal test guest: run.sh ARMATURE GUEST.elf [ARMATURE-OPTION...]
# Passes when the guest says PASS and powers off.
armature=$1
guest=$2
shift 2
case " $* " in
    *" --parallel "*) clock=paced ;;
    *) clock=virtual ;;
esac
output=$("$armature" run --kernel "$guest" --memory 256M --cpus 4 --serial stdio --clock $clock --timeout 60s \
    "$@" </dev/null)
status=$?
printf '%s\n' "$output"
[ $status -eq 0 ] && printf '%s\n' "$output" | tr -d '\r' | grep -qx PASS
