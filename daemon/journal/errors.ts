/** The journal can not be folded without inventing history. Nothing has been changed on disk. */
export class JournalDamaged extends Error {
  override readonly name = 'JournalDamaged';
}

/** append() or compact() after close(). */
export class JournalClosed extends Error {
  override readonly name = 'JournalClosed';
  constructor() {
    super('the journal is closed: nothing can be appended any more');
  }
}

/** What was given to be read as a recorded journal is none. */
export class NotAJournal extends Error {
  override readonly name = 'NotAJournal';
}
