export { redact } from '../../config/index.js';
