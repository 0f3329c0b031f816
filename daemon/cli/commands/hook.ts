import { resolve } from 'node:path';
import { cliEntry } from '../background.js';
import type { Context } from '../context.js';
import { usageError } from '../errors.js';
import type { HookPlace } from '../hook/install.js';
import type { AddCommand } from '../program.js';

export const addHook: AddCommand = (program, action) => {
  program
    .command('hook')
    .description("put the trainings that a program's own page starts under supervision")
    .argument('<PROGRAM>', 'fluxgym')
    .option('--install <PATH>', "FluxGym's folder: its page's trainings are supervised from now on")
    .option('--remove <PATH>', "FluxGym's folder: everything is as it was")
    .option('--launch <PATH>', 'used by what was installed: supervises the launch behind --')
    .action(action(hook));
};

interface Options {
  install?: string;
  remove?: string;
  launch?: string;
}

async function hook(context: Context, program: string, options: Options): Promise<number> {
  if (program !== 'fluxgym') throw usageError(`There is a hook for fluxgym, not for ${program}.`);
  const asked = [options.install, options.remove, options.launch].filter(
    (path) => path !== undefined,
  );
  const [path] = asked;
  if (path === undefined || asked.length > 1) {
    throw usageError("Give --install PATH or --remove PATH, with FluxGym's own folder.");
  }
  const root = resolve(context.cwd, path);
  if (options.launch !== undefined) {
    const { launchForFluxgym } = await import('../hook/launch.js');
    return launchForFluxgym(context, context.ownHome(), root, context.rest ?? []);
  }
  const { installHook, removeHook } = await import('../hook/install.js');
  const place: HookPlace = {
    root,
    home: context.ownHome(),
    command: [process.execPath, cliEntry()],
    path: context.env['PATH'] ?? '',
  };
  if (options.install !== undefined) {
    const at = installHook(place);
    context.out.line(
      `Trainings that FluxGym's page starts are supervised from now on (${at}). --remove takes it away.`,
    );
    return 0;
  }
  const at = removeHook(place);
  context.out.line(at === null ? 'There was nothing to remove.' : `${at} is what it was before.`);
  return 0;
}
