/** The door of the train task: one job's attempts, carried out. */

export type { TrainPlan, TrainSettings } from './context.js';
export { trainerEnvironment } from './environment.js';
export { keepEvidence } from './keep-evidence.js';
export { createTrainTask, type TrainContext, type TrainTask } from './task.js';
