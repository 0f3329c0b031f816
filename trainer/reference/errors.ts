/** A mistake in the command line or in what it names: the program exits 2 and prints the message. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** Something that went wrong while training: the program exits 1 and prints the message. */
export class TrainError extends Error {
  override name = 'TrainError';
}
