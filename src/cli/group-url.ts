/**
 * Returns the URL of a group on a Pushgateway: `/metrics/job/<job>/<name>/<value>`. Values that a
 * path can't hold are in base64.
 */
export function groupUrl(gateway: URL, job: string, grouping: Readonly<Record<string, string>>): URL {
  const url = new URL(gateway);
  [url.username, url.password, url.search, url.hash] = ['', '', '', ''];
  const labels = Object.entries({ job, ...grouping }).map(([name, value]) => pathOf(name, value));
  url.pathname = `${url.pathname.replace(/\/$/, '')}/metrics${labels.join('')}`;
  return url;
}

function pathOf(name: string, value: string): string {
  // `.` and `..` need base64 too: URL parsing removes them.
  if (/^[^/]+$/.test(value) && !/^\.{1,2}$/.test(value)) return `/${name}/${encodeURIComponent(value)}`;
  return `/${name}@base64/${Buffer.from(value).toString('base64url') || '='}`;
}
