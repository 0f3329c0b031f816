/** The door of notify: what is told to whom, and a durable outbox that tells it. */
export { backoff, type RetryRules, triedNext } from './backoff.js';
export { compose, type Surroundings, type Words } from './compose.js';
export { type Due, due, type TellingRules } from './due.js';
export { createNotifier, type Notifier, type NotifierOptions } from './notifier.js';
export { type Outcome, ofAccepted, ofFailure, type SmtpError } from './outcome.js';
export { createSend, type Message, type Send, type SmtpSettings } from './smtp.js';
