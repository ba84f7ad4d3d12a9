/**
 * Help in text 0.0.4 and 1.0.0: a backslash and a line feed are escaped, a quotation mark is not.
 */
export function escapeHelp(help: string): string {
  return help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

/**
 * What stands between quotation marks in every text format: label values, quoted names,
 * OpenMetrics' help.
 */
export function escapeQuoted(text: string): string {
  // Hardly any value needs it, and this runs for each label of each series.
  return /[\\"\n]/.test(text) ? escapeHelp(text).replaceAll('"', '\\"') : text;
}
