import { statfsSync } from 'node:fs';

/** File systems on which another machine's writes, or even our own, raise no inotify event
 * (magic numbers of statfs(2)): NFS, SMB1, SMB2, FUSE, 9p, Lustre, Ceph. */
const BLIND = new Set([0x6969, 0x517b, 0xfe534d42, 0x65735546, 0x01021997, 0x0bd00bd0, 0x00c36400]);

/** Whether changes in this existing folder have to be polled for. */
export function isNetworkVolume(dir: string): boolean {
  // The type is a signed 32-bit number on some architectures.
  return BLIND.has(statfsSync(dir).type >>> 0);
}
