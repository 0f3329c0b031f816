#!/bin/sh
# process-report.sh PID: what the kernel tells of one process, on stdout.
#
# A program of its own, since a read in /proc may never return for a process in D state: it can be
# given up and killed, a thread of the daemon can not. What surely answers comes first, and all but
# the last two by the shell itself, which hands out each line as it has it.
set -u
show() {
  while IFS= read -r line || [ -n "$line" ]; do printf '%s%s\n' "$2" "$line"; done <"$1" ||
    printf '%s(not to be had)\n' "$2"
}
at=/proc/$1
printf '===== %s\n' "$1"
show "$at/status" ''
for task in "$at"/task/*; do
  printf -- '--- thread %s\n' "${task##*/}"
  for name in comm wchan syscall stack; do show "$task/$name" "$name: "; done
done 2>&1
printf -- '--- open files\n'
ls -l "$at/fd" 2>&1
printf -- '--- command\n'
tr '\0' ' ' <"$at/cmdline" 2>&1
printf '\n'
