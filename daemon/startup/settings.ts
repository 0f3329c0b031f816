import type { Config } from '../../config/index.js';
import type { Policy } from '../core/index.js';
import type { TrainSettings } from '../tasks/train/index.js';

/** The configuration as the core reads it. */
export function policyOf(config: Config): Policy {
  const { unknown, ...limits } = config.retry.limits;
  return {
    hang: config.hang,
    retry: {
      ...config.retry,
      limits: { ...limits, lost: unknown, reboot: unknown, host_bad: 0 },
    },
  };
}

/** The configuration as the train task reads it. */
export function trainSettings(config: Config, networkVolume: boolean): TrainSettings {
  const { watch, checkpoints, kill, evidence, log } = config;
  return {
    poll_seconds: watch.poll_seconds,
    backstop_seconds: watch.backstop_seconds,
    polling: watch.polling === 'auto' ? networkVolume : watch.polling,
    scan_seconds: checkpoints.scan_seconds,
    settle_seconds: checkpoints.settle_seconds,
    grace_seconds: kill.grace_seconds,
    verify_seconds: kill.verify_seconds,
    evidence_seconds: evidence.limit_seconds,
    evidence_keep: evidence.keep,
    evidence_max_bytes: evidence.max_bytes,
    log_max_bytes: log.trainer_max_bytes,
  };
}
