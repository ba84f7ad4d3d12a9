/**
 * The other end of a `Child`: answers what its parent asks, one task at a time. It ends when
 * something is thrown, or the parent leaves.
 */
export function answerTasks(answer: (task: never) => unknown): void {
  // A contender may have timers and sockets of its own, which would keep it alive without a parent.
  process.on('disconnect', () => process.exit());
  process.on('message', (task) => {
    void Promise.resolve(task as never)
      .then(answer)
      .then((result) => process.send!(result ?? null));
  });
}
