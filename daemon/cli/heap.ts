import { setFlagsFromString } from 'node:v8';

// Imported before everything else, and what follows by import(): while the rooms are loaded V8 would
// let the space for new objects grow to tens of MiB, and keep it. A daemon that only watches makes so
// few that the smallest will do.
setFlagsFromString('--semi-space-growth-factor=1');
