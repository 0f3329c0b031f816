/** The door of the loopback Hub. What a test changes on a running one is in `HubState`. */
export { type Token, type Visitor, visitorOf } from './access.js';
export { bodyOf, json, refuse } from './answers.js';
export { bytes, type Content, gitOid, noise, pieces, sha256, whole } from './content.js';
export type { Asked, Fault, FaultPlan } from './faults.js';
export type { HubState, Route } from './hub.js';
export { type Limit, Window } from './limits.js';
export { at, commit, type HubFile, makeRepo, type Repo, type RepoOptions } from './repos.js';
export { type Hub, type Identity, startHub } from './server.js';
