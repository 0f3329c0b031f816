/** What happens during a download, for bars, lines, metrics and the journal alike. */
export type DownloadEvent =
  /** What there is to do is known. */
  | { readonly type: 'planned'; readonly files: readonly FileFacts[] }
  /** So many bytes of it were there already, from a download that was interrupted. */
  | { readonly type: 'resumed'; readonly file: string; readonly bytes: number }
  /** New bytes from the network are on disk. */
  | { readonly type: 'bytes'; readonly file: string; readonly bytes: number }
  /** Bytes that were counted have to be fetched again. */
  | {
      readonly type: 'discarded';
      readonly file: string;
      readonly bytes: number;
      /** Null for the piece that a broken connection was in: the course of things. */
      readonly why: string | null;
    }
  /** A file that is there is read to be sure that it is the right one. */
  | { readonly type: 'proving'; readonly file: string; readonly path: string }
  | { readonly type: 'waiting'; readonly why: string; readonly seconds: number | null }
  | {
      readonly type: 'done';
      readonly file: string;
      readonly model: string;
      readonly path: string;
      readonly bytes: number;
      /** `kept`: an older version of the file, which the Hub has replaced since. */
      readonly how: 'downloaded' | 'present' | 'cache' | 'kept';
      /** SHA-256, or git's name of a file that the Hub keeps no SHA-256 of. */
      readonly digest: string;
    }
  | {
      readonly type: 'failed';
      readonly model: string;
      readonly kind: string;
      readonly reason: string;
      readonly remedy: string;
    };

export interface FileFacts {
  /** What the other events call it: unique within one download. */
  readonly file: string;
  readonly model: string;
  /** Where it goes, as models.yaml says it. */
  readonly to: string;
  readonly size: number;
}

export type Report = (event: DownloadEvent) => void;
