export { describeConfig, type KeyDoc } from './describe.js';
export { RESERVED_VARIABLES, variableName } from './environment.js';
export { renderExample } from './example.js';
export { type HomePaths, homePaths, packageRoot, resolveHome } from './home.js';
export {
  dropSecrets,
  type HubToken,
  type HubTokens,
  hubHome,
  hubTokens,
  keepEnvironmentSecrets,
  TOKEN_VARIABLES,
  withoutTokens,
} from './hub-token.js';
export { type JobFile, jobFault, loadJobFile, type OptionValue, parseJob } from './job.js';
export { type LoadOptions, loadConfig, loadSettings } from './load.js';
export { addressOf, isLoopbackHost, type MailConfig, mailSecurity } from './mail-schema.js';
export { loadModels, type Models } from './models/load.js';
export type { Model, ModelFile } from './models/model.js';
export { type Some, settingsForJob } from './override.js';
export { ConfigError, formatProblem, type Problem } from './problem.js';
export { redact, redactData } from './redact.js';
export type { Config, HangConfig, KillConfig } from './schema.js';
export { Secret, secret } from './secret.js';
export { formatBytes, parseBytes } from './units.js';
