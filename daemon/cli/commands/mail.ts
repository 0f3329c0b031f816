import { hostname } from 'node:os';
import { loadConfig } from '../../../config/index.js';
import type { Context } from '../context.js';
import { EXIT, usageError } from '../errors.js';
import type { AddCommand } from '../program.js';

export const addMail: AddCommand = (program, action) => {
  const mail = program.command('mail').description('mails: `mail test` sends one now');
  mail
    .command('test')
    .description('send one mail as the daemon would, and say what the server answered')
    .option('--json', 'as one JSON object')
    .action(action(test));
};

async function test(context: Context, options: { json?: true }): Promise<number> {
  const home = context.home();
  // Loaded here alone, so that the light commands start fast.
  const { mailSetup, newMessageId, version } = await import('../../startup/index.js');
  const setup = mailSetup(loadConfig({ home, env: context.env }), home);
  if (setup === null) {
    throw usageError(
      'Mails are not set up: set mail.host and mail.to in config/nightwarden.yaml (docs/mail.md).',
    );
  }
  const { createSend } = await import('../../notify/index.js');
  const { smtp, to } = setup;
  const server = `${smtp.host}:${smtp.port}`;
  if (!options.json)
    context.out.line(`Sending to ${to.join(', ')} by ${server}, ${WAYS[smtp.security]} …`);
  const outcome = await createSend(smtp)(
    {
      id: newMessageId(smtp.from),
      to,
      left: to,
      subject: `Test from Nightwarden on ${hostname()}`,
      text: `Mails from Nightwarden ${version()} on ${hostname()}, home ${home}, arrive.\n\nYou have to do nothing.\n`,
      date: Date.now() / 1000,
    },
    new AbortController().signal,
  );
  if (options.json)
    context.out.line(JSON.stringify({ server, security: smtp.security, ...outcome }));
  switch (outcome.is) {
    case 'sent': {
      const lines = [`The server took it: ${outcome.answer}`];
      if (outcome.refused.length > 0) lines.push(`But not for ${outcome.refused.join(', ')}.`);
      if (!options.json) for (const line of lines) context.out.line(line);
      return outcome.refused.length > 0 ? EXIT.failed : EXIT.done;
    }
    case 'later':
    case 'refused': {
      if (options.json) return EXIT.failed;
      const rest = outcome.remedy === '' ? '' : ` ${outcome.remedy}`;
      context.err.line(`Not sent: ${outcome.why}.${rest}`);
      return EXIT.failed;
    }
  }
}

const WAYS = {
  tls: 'over TLS',
  starttls: 'over STARTTLS',
  none: 'without encryption',
} as const;
