/** The door of the publish task: a finished LoRA, its samples and its card on the Hub. */
export { type PublishContext, type PublishSpec, publish } from './publish.js';
