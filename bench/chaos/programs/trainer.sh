#!/bin/sh
# trainer.sh STEPS SECONDS SAVE_EVERY FAULT [--resume CHECKPOINT]: steps by the shell, a process each.
#
# FAULT is KIND@STEP, KIND one of hang, deaf, exit0, none; it fires once for a working folder. The
# state is a chain of checksums: out/final.json tells a run that left out a step or made one twice.
set -u
steps=$1 seconds=$2 every=$3 fault=$4
shift 4
step=0 sum=1
while [ $# -gt 0 ]; do
  case $1 in
  --resume) read -r step sum <"$2/state.txt" || exit 1; shift ;;
  esac
  shift
done
now() { date +%s.%N; }
printf '{"attempt":%s,"from":%s,"time":%s}\n' "${NIGHTWARDEN_ATTEMPT:-0}" "$step" "$(now)" >>trace.jsonl
misbehave() {
  case ${fault%@*} in
  hang) sleep 3600 ;;
  deaf) trap '' TERM HUP; while :; do sleep 3600; done ;;
  exit0) exit 0 ;;
  esac
}
while [ "$step" -lt "$steps" ]; do
  sleep "$seconds"
  step=$((step + 1))
  sum=$(((sum * 31 + step) % 1000003))
  printf '{"attempt":%s,"step":%s,"time":%s}\n' "${NIGHTWARDEN_ATTEMPT:-0}" "$step" "$(now)" >>trace.jsonl
  echo "step $step/$steps"
  if [ $((step % every)) -eq 0 ]; then
    mkdir -p "ckpt/.new-$step"
    echo "$step $sum" >"ckpt/.new-$step/state.txt"
    [ -d "ckpt/step-$step" ] && rm -rf "ckpt/step-$step"
    mv "ckpt/.new-$step" "ckpt/step-$step"
  fi
  if [ "$step" -eq "${fault#*@}" ] && [ ! -e .fault ]; then
    : >.fault
    misbehave
  fi
done
mkdir -p out
printf '{"steps": %s, "sum": %s}\n' "$step" "$sum" >out/.final.tmp
mv out/.final.tmp out/final.json
