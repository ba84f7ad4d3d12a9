/** Returns the HTML at `/`, which links to the page. */
export function landingPage(directory: string, path: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Metrics</title>
<style>body { font-family: system-ui, sans-serif; line-height: 1.5; margin: 2rem; color-scheme: light dark; }</style>
</head>
<body>
<main>
<h1>Metrics</h1>
<p>What processes count in <code>${escapeHtml(directory)}</code>.</p>
<ul>
<li><a href="${escapeHtml(path)}">The page for Prometheus</a></li>
<li><a href="/-/healthy">Whether this server is well</a></li>
</ul>
</main>
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
