import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { downloadFile } from '@huggingface/hub';

// The client library's own way to a file on disk, as its documentation shows it.

const [hubUrl = '', target = ''] = process.argv.slice(2);
const blob = await downloadFile({ repo: 'bench/model', path: 'model.safetensors', hubUrl });
if (blob === null) throw new Error('the hub has no such file');
await pipeline(Readable.fromWeb(blob.stream() as ReadableStream), createWriteStream(target));
