/** Null for what is not there. What the daemon's user may not look into is no installation for it to
 * deliver to either. */
export function ignoreAbsent(error: NodeJS.ErrnoException): null {
  if (['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'ELOOP'].includes(error.code ?? '')) return null;
  throw error;
}
