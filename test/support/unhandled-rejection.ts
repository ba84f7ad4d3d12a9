/**
 * What the process is told that nobody handled, after `act`. The test runner's own listeners are
 * kept out meanwhile.
 */
export async function unhandledRejection(act: () => void): Promise<unknown> {
  const listeners = process.listeners('unhandledRejection');
  process.removeAllListeners('unhandledRejection');
  try {
    return await new Promise((resolve) => {
      process.once('unhandledRejection', resolve);
      act();
    });
  } finally {
    process.removeAllListeners('unhandledRejection');
    for (const listener of listeners) process.on('unhandledRejection', listener);
  }
}
