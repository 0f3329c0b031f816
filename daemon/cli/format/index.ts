/** The door of the formatting: pure functions from facts to text. */
export { type Colour, colourOf, type Paint, painter, wantsColour } from './colour.js';
export { duration, elapsed, relative } from './duration.js';
export { count, loss, percent, rate, ratio, steps } from './number.js';
export { sparkline } from './sparkline.js';
export { type Column, type Row, table } from './table.js';
export { pad, truncate, width } from './width.js';
