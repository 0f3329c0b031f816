import { basename } from 'node:path';

/** Tells a stand-in from the real program. */
export const MARK = 'nightwarden: accelerate stand-in';

/** Our command ends so when the launch is not one for it: the real program takes over. */
export const NOT_OURS = 79;

export interface StandIn {
  readonly root: string;
  readonly home: string;
  readonly command: readonly [node: string, script: string];
  /** The real accelerate. */
  readonly real: string;
}

/**
 * The script that takes accelerate's name. It hands a launch of a network training to the daemon and
 * everything else to the real one: other subcommands, what the daemon itself starts, and all of it
 * where this installation is no longer there.
 */
export function standIn({ root, home, command, real }: StandIn): string {
  const [node, script] = command;
  return `#!/bin/sh
# ${MARK}. The real one is ${basename(real)}, beside this file.
# To take it away: nightwarden hook fluxgym --remove ${quoted(root)}
real=${quoted(real)} node=${quoted(node)} script=${quoted(script)}
[ -f "$real" ] || real="$0.nightwarden-original"
case " $* " in *_network.py\\ *) ;; *) exec "$real" "$@" ;; esac
if [ "\${1-}" != launch ] || [ -n "\${NIGHTWARDEN_ATTEMPT-}" ] || [ ! -x "$node" ] || [ ! -f "$script" ]; then
  exec "$real" "$@"
fi
"$node" "$script" --home ${quoted(home)} hook fluxgym --launch ${quoted(root)} -- accelerate "$@"
status=$?
[ "$status" -ne ${NOT_OURS} ] || exec "$real" "$@"
exit "$status"
`;
}

/** A word for a shell, whatever is in it. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
