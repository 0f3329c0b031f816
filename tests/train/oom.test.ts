import { expect, test } from '@jest/globals';
import { oomKills } from '../../daemon/tasks/train/oom.js';

/** A /proc and /sys of these files alone. */
const from =
  (files: Record<string, string>) =>
  (path: string): string => {
    const text = files[path];
    if (text === undefined) throw Object.assign(new Error(path), { code: 'ENOENT' });
    return text;
  };
const events = (kills: number) => `low 0\nhigh 0\nmax 3\noom 2\noom_kill ${kills}\n`;

test.each([
  [
    'a service of systemd (v2)',
    '0::/system.slice/nw.service',
    '/system.slice/nw.service/memory.events',
  ],
  [
    'a job of Slurm (v1)',
    '9:cpu:/x\n4:memory,hugetlb:/slurm/job_7',
    '/memory/slurm/job_7/memory.oom_control',
  ],
  ['a container (v2)', '0::/', '/memory.events'],
  [
    'a container (v1), whose path is its host’s',
    '4:memory:/docker/f00',
    '/memory/memory.oom_control',
  ],
])('out-of-memory kills are counted in %s', (_where, own, counter) => {
  const files = {
    '/proc/self/cgroup': `${own}\n`,
    [`/sys/fs/cgroup${counter}`]: events(2),
    '/proc/vmstat': 'pgfault 17\noom_kill 9\n',
  };
  expect(oomKills(from(files))).toBe(2);
});

test('where no group counts them the machine’s own are taken, and where nobody does there are none', () => {
  expect(oomKills(from({ '/proc/vmstat': 'pgfault 17\noom_kill 9\n' }))).toBe(9);
  expect(oomKills(from({}))).toBeNull();
});
