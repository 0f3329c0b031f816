/** What is known of the volume itself: a small write to it, sync and read, by a process of our own. */
export type Volume =
  | { readonly is: 'unknown' }
  /** It answered in time whenever it was asked, for so many seconds now. */
  | { readonly is: 'answers'; readonly seconds: number }
  | { readonly is: 'stalls'; readonly seconds: number };

export interface StorageSigns {
  /** A process of the attempt is in state D, or asleep in a file system. */
  readonly waits: boolean;
  /** Seconds for which the daemon's own reading on the same volume has not come back. */
  readonly reading_seconds: number;
  readonly volume: Volume;
}

/** A read of the log that takes longer waits for storage, as the trainer on the same volume does. */
const READ_WITHIN = 1;
/** Seconds after which a process that still waits does not wait for a volume that answers all along: a
 * single write call of 2 GiB, the most there is, ends within that at 40 MB/s and shows in the bytes. */
const ANSWERED_FOR = 60;

/**
 * Whether the attempt waits for storage, and so is to be waited for. The volume's own word goes first:
 * where it stalls, whoever uses it waits, whatever its state looks like; where it has long answered,
 * state D is another driver's (a GPU that is gone, mostly), which no patience will mend.
 */
export function waitsForStorage({ waits, reading_seconds, volume }: StorageSigns): boolean {
  if (volume.is === 'stalls' || reading_seconds > READ_WITHIN) return true;
  return waits && !(volume.is === 'answers' && volume.seconds >= ANSWERED_FOR);
}
