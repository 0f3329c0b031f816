import { commit, makeRepo, noise, sha256, startHub } from '../../tests/hub/index.js';

// A loopback Hub in a process of its own: what it costs is not on the clients' account.

const [size = '0', rate = '0'] = process.argv.slice(2);
const hub = await startHub();
const repo = makeRepo('bench/model');
hub.repos.set(repo.id, repo);
const content = noise(Number(size));
commit(repo, { 'model.safetensors': content });
hub.cdn.rate = rate === '0' ? null : Number(rate);
process.on('disconnect', () => process.exit());
process.on('message', () => process.send?.({ sent: hub.cdn.total }));
process.send?.({ url: hub.url, sha256: sha256(content) });
