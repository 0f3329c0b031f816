import { openFile, withReader } from './reader.js';
import { readMetadata } from './safetensors.js';

/**
 * The texts of a safetensors file's `__metadata__`; null when its header cannot be read.
 *
 * @throws any error of the file system
 */
export function metadataOf(path: string): Promise<Record<string, string> | null> {
  return withReader(path, openFile, readMetadata);
}
