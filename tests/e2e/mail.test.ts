import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { run } from '../cli/helpers/cli-process.js';
import { type Behaviour, MailServer, ours } from '../notify/helpers/mail-server.js';
import { House, until } from './house.js';

const JOB = (name: string, faults = '') => `name: ${name}
trainer: reference
with:
  steps: 120
  save_every: 20
  sample_every: 0
  ${faults}
hang: { floor_seconds: 2, confirm_seconds: 0.5 }
`;
/** No dictionary has it, so a search for it finds nothing else. */
const PASSWORD = createHash('sha256').update(String(process.pid)).digest('hex');
const account = { user: 'me@home.net', pass: PASSWORD };

const houses: House[] = [];
const servers: MailServer[] = [];

afterEach(async () => {
  for (const house of houses.splice(0)) await house.demolish();
  for (const server of servers.splice(0)) await server.stop();
});

async function server(how: Behaviour = {}): Promise<MailServer> {
  const started = await MailServer.start(how);
  servers.push(started);
  return started;
}

function houseFor(port: number, more = ''): House {
  const mail = `host: 127.0.0.1, port: ${port}, to: me@home.net, from: nw@home.net`;
  const house = new House(`mail: { ${mail}${more} }\njournal: { compact_bytes: 4KiB }\n`);
  houses.push(house);
  return house;
}

/** A sample of /metrics; null while it is not there. */
async function metric(house: House, name: string): Promise<number | null> {
  const text = await (await fetch(`${house.url()}/metrics`)).text();
  const line = text.split('\n').find((one) => one.startsWith(`nightwarden_${name} `));
  return line === undefined ? null : Number(line.slice(line.lastIndexOf(' ') + 1));
}

const counted = (house: House, outcome: string) =>
  metric(house, `notifications_total{channel="email",outcome="${outcome}"}`);

describe('a night', () => {
  test('with a hang and an end sends these two mails, over TLS and logged in; the password stays where it was', async () => {
    const mails = await server({ starttls: true, account });
    const login = ', user: me@home.net, password_file: secret, ca_file: ca.pem';
    const house = houseFor(mails.port, login);
    house.write('secret', `${PASSWORD}\n`);
    house.write('ca.pem', ours().cert);
    await house.up();
    await house.queue('lora', JOB('lora', 'faults: [hang@60]'));
    const [hang, finished] = await mails.taken(2);
    const job = await house.job('lora', 'the end', ({ state }) => state === 'finished');
    await until('the entries of both', async () => (await counted(house, 'sent')) === 2);

    expect(hang).toMatchObject({ secure: true, user: account.user, to: ['me@home.net'] });
    expect(hang?.headers['subject']).toMatch(/^Hang, resumed: lora, step \d+$/);
    expect(finished?.headers['subject']).toBe('Finished: lora, step 120');
    const evidence = /^ {2}(\/\S+\/evidence)$/m.exec(hang?.text ?? '')?.[1] ?? 'none';
    expect(execFileSync('ls', [evidence], { encoding: 'utf8' })).not.toBe('');
    expect(finished?.text).toContain(job.artefact ?? 'an artefact');

    expect(await counted(house, 'queued')).toBe(2);
    expect(await counted(house, 'deferred')).toBe(0);
    expect(await metric(house, 'outbox_messages')).toBe(0);
    expect(mails.mails).toHaveLength(2);
    expect(house.holding([PASSWORD])).toEqual(['secret']);
  });

  test('whose server is down sends its mail when it is back, after a kill -9 of the daemon too: once', async () => {
    const gone = await MailServer.start();
    const { port } = gone;
    await gone.stop();
    const house = houseFor(port, ', retry: { first_seconds: 0.2, max_seconds: 1 }');
    const daemon = await house.up();
    await house.queue('lora', JOB('lora'));
    await until('a try that failed', async () => ((await counted(house, 'deferred')) ?? 0) > 0);
    daemon.kill('SIGKILL');
    await until('the end of the daemon', () => daemon.signalCode !== null);

    const mails = await server({ port });
    await house.up();
    const [mail] = await mails.taken(1);
    await until('its entry', async () => (await counted(house, 'sent')) === 1);
    expect(mail?.headers['subject']).toBe('Finished: lora, step 120');
    expect(await metric(house, 'outbox_messages')).toBe(0);
    // A third daemon finds nothing left to send.
    await house.post('/api/shutdown');
    await house.up();
    expect(await metric(house, 'outbox_messages')).toBe(0);
    expect(mails.mails).toHaveLength(1);
  });

  test('whose daemon is killed while the mail is on its way: once', async () => {
    let kill = (): void => {};
    const mails = await server({
      recipient: () => {
        kill();
        return null;
      },
    });
    const house = houseFor(mails.port);
    const daemon = await house.up();
    kill = () => {
      kill = () => {};
      daemon.kill('SIGKILL');
    };
    await house.queue('lora', JOB('lora'));
    await until('the end of the daemon', () => daemon.signalCode !== null, 60);
    expect(mails.mails).toEqual([]);

    await house.up();
    const [mail] = await mails.taken(1);
    await until('its entry', async () => (await counted(house, 'sent')) === 1);
    expect(mail?.headers['subject']).toBe('Finished: lora, step 120');
    expect(mails.mails).toHaveLength(1);
  });

  test('whose mails are refused goes on all the same, and says so', async () => {
    const mails = await server({ starttls: true, account });
    const house = houseFor(
      mails.port,
      ', user: me@home.net, password_file: secret, ca_file: ca.pem',
    );
    house.write('secret', 'another password\n');
    house.write('ca.pem', ours().cert);
    await house.up();
    await house.queue('lora', JOB('lora'));
    await house.job('lora', 'the end', ({ state }) => state === 'finished');
    await until('a refusal', async () => (await counted(house, 'blocked')) === 1);
    expect(mails.logins).toBe(1);
    const told = /mail not sent yet \(finished, 1 try\): Invalid login: 535 5\.7\.8/;
    const log = await until('the line in the log', () => {
      const text = house.read('logs/nightwarden.jsonl');
      return told.test(text) ? text : null;
    });
    expect(log).not.toContain('another password');
  });
});

describe('nightwarden mail test', () => {
  let house: House;
  let mails: MailServer;
  const mailTest = (...more: string[]) =>
    run(['--home', house.home, 'mail', 'test', ...more], house.home);

  beforeEach(async () => {
    mails = await server({ starttls: true, account });
    house = houseFor(mails.port, ', user: me@home.net, password_file: secret, ca_file: ca.pem');
    house.write('secret', `${PASSWORD}\n`);
    house.write('ca.pem', ours().cert);
  });

  test('sends one and says what the server answered', async () => {
    expect(await mailTest()).toEqual({
      code: 0,
      out: expect.stringMatching(
        /^Sending to me@home\.net by 127\.0\.0\.1:\d+, over STARTTLS …\nThe server took it: 250 .+\n$/,
      ),
      err: '',
    });
    expect(mails.mails[0]?.headers['subject']).toMatch(/^Test from Nightwarden on /);
    const { out } = await mailTest('--json');
    expect(JSON.parse(out)).toMatchObject({
      is: 'sent',
      security: 'starttls',
      accepted: ['me@home.net'],
    });
  });

  test('a wrong password, in the words of the server and ours', async () => {
    house.write('secret', 'another password\n');
    const { code, err } = await mailTest();
    expect(code).toBe(1);
    expect(err).toBe(
      'Not sent: Invalid login: 535 5.7.8 Bad username or password. Check mail.user and the password; many providers want an app password.\n',
    );
  });

  test('a server that is down', async () => {
    await mails.stop();
    const { code, err } = await mailTest();
    expect(code).toBe(1);
    expect(err).toMatch(/^Not sent: .*ECONNREFUSED/);
  });

  test('not set up, or a certificate that is not there: told as a mistake in the configuration', async () => {
    house.write('config/nightwarden.yaml', '');
    expect(await mailTest()).toMatchObject({
      code: 2,
      err: expect.stringContaining('mail.host and mail.to'),
    });
    house.write(
      'config/nightwarden.yaml',
      'mail: { host: h, to: a@b.c, from: a@b.c, ca_file: none.pem }\n',
    );
    expect(await mailTest()).toMatchObject({
      code: 2,
      err: expect.stringMatching(
        /mail\.ca_file: expected a readable PEM file .* none\.pem \(ENOENT/,
      ),
    });
  });
});
