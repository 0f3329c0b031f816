/** The door of the Python shim, which is itself not compiled: docs/shim.md. */
export { shimEnvironment } from './environment.js';
