/** The door of the engine: where observations become decisions, and decisions journal entries. */
export { createEngine, type Engine, type EngineOptions, type Request } from './engine.js';
