/** Starts to measure; the function that it returns says how many seconds have passed. */
export function startStopwatch(): () => number {
  const start = process.hrtime();
  return () => {
    const [seconds, nanoseconds] = process.hrtime(start);
    return seconds + nanoseconds / 1e9;
  };
}
