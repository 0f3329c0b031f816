"""A trainer whose result is a function of its steps alone, and which misbehaves when told to.

trainer.py --steps N --step-seconds S --save-every K [--beats] [--resume CHECKPOINT] [--fault KIND@STEP]...

The state is a chain of hashes, one link a step, so that any step left out or made twice shows in
out/final.safetensors. Every step is appended to trace.jsonl with the wall clock. A fault fires once
for a working folder, which remembers it in .faults/; with `!` behind it, every time.
"""
import argparse
import hashlib
import json
import os
import random
import struct
import sys
import threading
import time

import faults

parser = argparse.ArgumentParser()
parser.add_argument('--steps', type=int, required=True)
parser.add_argument('--step-seconds', type=float, default=0.05)
parser.add_argument('--save-every', type=int, default=10)
parser.add_argument('--beats', action='store_true')
parser.add_argument('--resume')
parser.add_argument('--fault', action='append', default=[])
args = parser.parse_args()


def weights(digest):
    """One float32 tensor of 16 KiB, all of it from the digest (safetensors README, "Format")."""
    words = b''.join(hashlib.sha256(digest + bytes([n % 256, n // 256])).digest() for n in range(512))
    data = b''.join(struct.pack('<f', n / 65536 + 1e-6) for (n,) in struct.iter_unpack('<I', words))
    header = json.dumps({'w': {'dtype': 'F32', 'shape': [4096], 'data_offsets': [0, 16384]}}).encode()
    return struct.pack('<Q', len(header)) + header + data


def save(step, digest):
    """File by file into the folder itself, as most trainers do: a kill in between leaves it torn."""
    folder = f'ckpt/step-{step}'
    os.makedirs(folder, exist_ok=True)
    whole = weights(digest)
    with open(f'{folder}/weights.safetensors', 'wb') as file:
        file.write(whole[: len(whole) // 2])
        file.flush()
        fault.during_save(step)
        file.write(whole[len(whole) // 2:])
    fault.before_state(step)
    with open(f'{folder}/state.json', 'w') as file:
        json.dump({'step': step, 'digest': digest.hex()}, file)


def load(folder):
    with open(f'{folder}/state.json') as file:
        state = json.load(file)
    with open(f'{folder}/weights.safetensors', 'rb') as file:
        if file.read() != weights(bytes.fromhex(state['digest'])):
            raise RuntimeError('SafetensorError: invalid header or archive is corrupted')
    return state['step'], bytes.fromhex(state['digest'])


class Beats(threading.Thread):
    """Heartbeats from a thread of their own: they go on while the loop is wedged."""

    def __init__(self):
        super().__init__(daemon=True)
        self.folder = os.environ.get('NIGHTWARDEN_HEARTBEAT_DIR') if args.beats else None
        self.step, self.loss, self.seq, self.phases = None, None, 0, [{'name': 'startup', 'since': time.time()}]
        self.lock = threading.Lock()

    def run(self):
        while True:
            time.sleep(0.2)
            self.write()

    def enter(self, *names):
        self.phases = [{'name': name, 'since': time.time()} for name in names]
        self.write()

    def write(self):
        if self.folder is None:
            return
        with self.lock:
            self.seq += 1
            beat = {'v': 1, 'attempt': int(os.environ['NIGHTWARDEN_ATTEMPT']), 'pid': os.getpid(),
                    'seq': self.seq, 'time': time.time(), 'total_steps': args.steps, 'phases': self.phases}
            if self.step is not None:
                beat.update(step=self.step, loss=self.loss)
            with open(f'{self.folder}/.rank-0.tmp', 'w') as file:
                json.dump(beat, file)
            os.replace(f'{self.folder}/.rank-0.tmp', f'{self.folder}/rank-0.json')


fault = faults.Faults(args.fault)
beats = Beats()
beats.start()
beats.enter('startup')
fault.after(0)
step, digest = load(args.resume) if args.resume else (0, hashlib.sha256(b'start').digest())
trace = open('trace.jsonl', 'a', buffering=1)
attempt = int(os.environ.get('NIGHTWARDEN_ATTEMPT', '0'))
trace.write(json.dumps({'attempt': attempt, 'from': step, 'time': time.time()}) + '\n')
beats.enter('step')
while step < args.steps:
    time.sleep(args.step_seconds * random.uniform(0.9, 1.1))
    step += 1
    digest = hashlib.sha256(digest + step.to_bytes(4, 'big')).digest()
    trace.write(json.dumps({'attempt': attempt, 'step': step, 'time': time.time()}) + '\n')
    beats.step, beats.loss = step, 'nan' if fault.lost(step) else 2 / step
    print(f'step {step}/{args.steps} loss={beats.loss}', flush=True)
    beats.write()
    if step % args.save_every == 0:
        beats.enter('step', 'checkpoint')
        save(step, digest)
        beats.enter('step')
    fault.after(step)

beats.enter('finish')
os.makedirs('out', exist_ok=True)
with open('out/.final.tmp', 'wb') as file:
    file.write(weights(digest))
os.replace('out/.final.tmp', 'out/final.safetensors')
print('finished', flush=True)
