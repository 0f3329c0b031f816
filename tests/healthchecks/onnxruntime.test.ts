import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

/** y = x + x, built here and run by the CPU library that the package ships. */
const PROGRAM = `
import proto from 'onnx-proto';
import { InferenceSession, Tensor } from 'onnxruntime-node';
const float = { tensorType: { elemType: 1, shape: { dim: [{ dimValue: 3 }] } } };
const model = proto.onnx.ModelProto.encode({
  irVersion: 8,
  opsetImport: [{ domain: '', version: 13 }],
  graph: {
    name: 'twice',
    node: [{ opType: 'Add', input: ['x', 'x'], output: ['y'] }],
    input: [{ name: 'x', type: float }],
    output: [{ name: 'y', type: float }],
  },
}).finish();
const session = await InferenceSession.create(model, { intraOpNumThreads: 1 });
const { y } = await session.run({ x: new Tensor('float32', Float32Array.of(1, 2, 3), [3]) });
console.log(JSON.stringify([...y.data]));
await session.release();
`;

// In a child: under jest the typed arrays are of another realm, which onnxruntime refuses.
test('onnxruntime-node is installed without its CUDA download, and computes', () => {
  const out = execFileSync(process.execPath, ['--input-type=module', '-e', PROGRAM], {
    cwd: join(import.meta.dirname, '../..'),
    encoding: 'utf8',
  });
  expect(JSON.parse(out)).toEqual([2, 4, 6]);
});
