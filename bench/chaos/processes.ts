import { readdirSync, readFileSync } from 'node:fs';
import { readStat } from '../../trainer/process/index.js';

/** Every pid there is, this process left out. */
export function pids(): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && pid !== process.pid);
}

/** Living processes that have one of the words in their environment or command line. */
export function processesNaming(words: readonly string[]): { pid: number; command: string }[] {
  return pids()
    .filter(isAlive)
    .filter((pid) => {
      const text = `${readOf(pid, 'environ')}\0${readOf(pid, 'cmdline')}`;
      return words.some((word) => text.includes(word));
    })
    .map((pid) => ({ pid, command: nameOf(pid) }));
}

export function isAlive(pid: number): boolean {
  const letter = readStat(pid)?.letter;
  return letter !== undefined && letter !== 'Z' && letter !== 'X';
}

export const nameOf = (pid: number): string =>
  readOf(pid, 'cmdline').replaceAll('\0', ' ').slice(0, 120).trim();

/** Empty for a process that has ended or is none of ours. */
export function readOf(pid: number, name: 'environ' | 'cmdline'): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'latin1');
  } catch {
    return '';
  }
}
