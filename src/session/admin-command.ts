import { textsOf } from '../intent/arguments.js';
import { errorReply } from '../resp/encode.js';
import type { Command } from './route.js';
import type { Session } from './session.js';

/** FORELOCK …: answered here, for users who may. */
export function adminCommand(session: Session, command: Command): void {
  const { gateway, state } = session;
  if (session.outstanding > 0) return session.awaitDrain(null);
  session.taken(command);
  session.enter('here', 1);
  session.awaitDrain(null);
  const args = textsOf(command.args);
  const { presumedDefault } = state;
  state.presumedDefault = false;
  const asker = {
    user: state.identity?.user ?? 'default',
    authenticated: state.identity !== null,
    presumed: presumedDefault,
    database: state.database,
    protocol: state.protocol,
  };
  gateway.admin.answer(args, asker).then(
    reply => session.answer(reply),
    (error: unknown) => {
      gateway.log.error({ error: String(error) }, 'an admin command failed');
      session.answer(errorReply(`ERR Forelock: ${String(error)}`));
    },
  );
}
