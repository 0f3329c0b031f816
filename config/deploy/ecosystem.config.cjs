// pm2 7: `npm run night`, or `pm2 start config/deploy/ecosystem.config.cjs`.
//
// pm2 keeps the daemon alive; the daemon keeps the training alive. `pm2 stop nightwarden` ends the
// watch and leaves the trainer running; `nightwarden stop` ends a training.
//
// pm2 keeps the environment it was started with, and `pm2 save` writes it to a file that everybody
// on the machine can read. So tokens are kept out of it: under pm2 they are given by a file.
const { join, resolve } = require('node:path');

const root = join(__dirname, '..', '..');
const home = resolve(process.env.NIGHTWARDEN_HOME || root);

module.exports = {
  apps: [
    {
      name: 'nightwarden',
      // dist/daemon/cli/main.js with exit codes that pm2 understands; it says more.
      script: join(__dirname, 'pm2-daemon.mjs'),
      // After the death of pm2's own daemon ours lives on, and `pm2 resurrect` starts another: the
      // older one is asked to make way, and the trainer is adopted.
      args: ['up', '--takeover'],
      cwd: root,
      env: { NIGHTWARDEN_HOME: home },
      // Every variable whose name holds one of these.
      filter_env: ['HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN', 'HUGGINGFACE_TOKEN', 'RUNPOD_API_KEY'],

      // The default ends every descendant, the trainer included, with each restart of the daemon.
      treekill: false,
      // From SIGINT to SIGKILL; the default of 1.6 s cuts off the last writes on a slow volume. Below
      // the 30 s that a container's own stop usually leaves.
      kill_timeout: 25_000,

      autorestart: true,
      // Milliseconds, half as much again after each exit up to 15 s, and from the start again after
      // 30 s of life: a daemon that cannot start must not fill the disk with its attempts.
      exp_backoff_restart_delay: 100,
      // The default gives up after 16 exits within a second of their start. Nobody is awake to start
      // it again, and what keeps it from starting (a full disk, a volume that is gone) passes.
      max_restarts: 1_000_000,
      // It was asked to end, or its configuration is bad. Not 0: pm2 takes a death by a signal for an
      // exit with 0, and a daemon that the kernel killed for memory would stay dead. pm2 goes on
      // calling it "waiting restart" (7.0.4), but does not restart it.
      stop_exit_codes: [94, 2],

      // A trainer writes below the home all night.
      watch: false,
      // One process, so no number in the file's name; stdout and stderr in the order they came. The
      // daemon's own log is nightwarden.jsonl beside it, which it rotates itself.
      merge_logs: true,
      out_file: join(home, 'logs', 'daemon.out'),
      error_file: join(home, 'logs', 'daemon.out'),

      // Loads nothing of pm2 into the daemon; it has metrics of its own, and no source maps.
      pmx: false,
      disable_source_map_support: true,
      vizion: false,
    },
  ],
};
