/** Where the time comes from; tests give their own. */
export interface Clock {
  /** Time of day, in ms of the Unix epoch. */
  now(): number;
  /**
   * A clock that never goes back and that all processes of the machine share, in ms. Never zero.
   */
  sharedMs(): number;
}

export const systemClock: Clock = {
  now: Date.now,
  sharedMs: () => {
    const [seconds, nanoseconds] = process.hrtime();
    return seconds * 1e3 + nanoseconds / 1e6;
  },
};
