// What pm2 runs: the `nightwarden` command, with exit codes that pm2 can act on.
//
// pm2 7 takes a death by a signal for an exit with 0 (lib/God.js: `code || 0`). So 0 has to mean
// "start it again", and a daemon that was asked to end, by `nightwarden stop --daemon` or by another
// one that took its place, has to say something else. And 2 is bad usage: a bad configuration, which
// no restart mends, but also a lock or a port that is taken, which may be free in a moment.
import { loadConfig, resolveHome } from '../../dist/config/index.js';

const ASKED_TO_END = 94;
const BAD_CONFIGURATION = 2;
const FAILED = 1;

process.on('exit', (code) => {
  if (code === 0) process.exitCode = ASKED_TO_END;
  if (code === BAD_CONFIGURATION && isConfigured()) process.exitCode = FAILED;
});

function isConfigured() {
  try {
    loadConfig({ home: resolveHome(process.env), env: process.env });
    return true;
  } catch {
    // The daemon has told it in words already.
    return false;
  }
}

await import('../../dist/daemon/cli/main.js');
