#!/bin/sh
# shepherd.sh DIR COMMAND [ARG...]: runs one attempt and outlives the daemon.
# shepherd.sh - LABEL: the same, started ahead. Waits for one line on its standard input that sets dir, cwd,
#                log, the environment and the words of the command; see order.ts. Without a whole
#                line (its daemon has died or needs it no more) it ends and has done nothing.
#
# DIR/claim    made first, exclusively: of this shepherd and a daemon that came back and found
#              nothing here, only one can make it, so an attempt is run once or given up, never both
# DIR/trainer  the trainer's own line of /proc/self/stat (pid, start time), written by the process
#              that then becomes the trainer: no trainer ever runs unrecorded
# DIR/exit     its exit status as a shell tells it (128 + n for signal n)
#
# Each file is one short line written at once; a reader takes it as whole only with its line end.
set -u
if [ "$1" = - ]; then
  nl='
'
  IFS= read -r order || exit 0
  eval "$order"
  cd -- "$cwd" || exit 75
  exec </dev/null >>"$log" 2>&1 || exit 75
else
  dir=$1
  shift
fi
# Handled, not ignored: an ignored signal would be inherited by the trainer. A signal to the whole
# group must end the trainer and leave its shepherd to tell how.
trap : HUP INT QUIT TERM USR1 USR2 ALRM

set -C
read -r me </proc/self/stat && printf '%s\n' "$me" >"$dir/claim" || exit 75
set +C

# In the foreground: a shell starts background commands with SIGINT ignored, and the trainers that
# save on SIGINT would never hear it.
(
  read -r it </proc/self/stat && printf '%s\n' "$it" >"$dir/trainer" || exit 75
  exec "$@"
)
status=$?
printf '%s\n' "$status" >"$dir/exit"
exit "$status"
