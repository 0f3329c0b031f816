/** What a trainer must not inherit: tokens it has no use for, and settings that are the daemon's. */
const SECRET = /^(HF_TOKEN|HUGGING_FACE_HUB_TOKEN|HUGGINGFACE_TOKEN|RUNPOD_API_KEY)$|^NIGHTWARDEN_/;

/** The daemon's environment less its own settings and tokens, with the job's own on top. */
export function trainerEnvironment(
  inherited: NodeJS.ProcessEnv,
  own: Readonly<Record<string, string>>,
): NodeJS.ProcessEnv {
  const kept = Object.entries(inherited).filter(([name]) => !SECRET.test(name));
  return { ...Object.fromEntries(kept), ...own };
}
