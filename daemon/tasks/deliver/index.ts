/** The door of the deliver task: a finished LoRA put where the tools that use it look. */
export { type DeliverContext, type DeliverSpec, deliver } from './deliver.js';
export { findLoraFolders } from './tools.js';
