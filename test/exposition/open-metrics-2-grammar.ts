/**
 * The ABNF of OpenMetrics 2.0.0-rc0
 * (https://prometheus.io/docs/specs/om/open_metrics_spec_2_0/#abnf), rule by rule, as patterns: the
 * grammar has no recursion. No parser of the format is at hand that other people wrote.
 */
const number1 = String.raw`[+-]?(?:\d+(?:\.\d*)?|\d*\.\d+)(?:e[+-]?\d+)?`;
const realnumber = `(?:${number1})`;
const number = String.raw`(?:${number1}|[+-]?(?:[iI][nN][fF](?:[iI][nN][iI][tT][yY])?)|[nN][aA][nN])`;
const integer = String.raw`[+-]?\d+`;
const nonNegativeInteger = String.raw`\+?\d+`;
const escapedChar = String.raw`(?:[^\n"\\]|\\[n"\\]|\\[^\n"\\])`;
const metricname = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const metricnameUtf8 = `"${escapedChar}+"`;
const labelKey = `(?:[a-zA-Z_][a-zA-Z0-9_]*|"${escapedChar}+")`;
const label = `${labelKey}="${escapedChar}*"`;
const labels = `${label}(?:,${label})*`;
const anyName = `(?:${metricname}|${metricnameUtf8})`;
const metricType = '(?:counter|gauge|histogram|gaugehistogram|stateset|info|summary|unknown)';
const descriptor = `# (?:TYPE ${anyName} ${metricType}|HELP ${anyName} ${escapedChar}*|UNIT ${anyName} [a-zA-Z0-9_:]*)`;
const list = (item: string): string => `${item}(?:,${item})*`;
const classicBuckets = String.raw`bucket:\[(?:(?:-Inf|${realnumber}):${number}(?:,${realnumber}:${number})*,)?\+Inf:${number}\]`;
const side = (name: string): string =>
  String.raw`(?:,${name}_spans:\[(?:${integer}:${nonNegativeInteger}(?:,${nonNegativeInteger}:${nonNegativeInteger})*)?\],${name}_buckets:\[(?:${list(number)})?\])?`;
const nativeBuckets = `schema:${integer},zero_threshold:${realnumber},zero_count:${number}${side('negative')}${side('positive')}`;
const histogram = `count:${number},sum:${number},(?:${classicBuckets}|${nativeBuckets}(?:,${classicBuckets})?)`;
const summary = String.raw`count:${number},sum:${number},quantile:\[(?:${list(`${realnumber}:${number}`)})?\]`;
const value = String.raw`(?:${number}|\{(?:${histogram}|${summary})\})`;
const exemplar = String.raw` # \{(?:${labels})?\} ${number} ${realnumber}`;
const nameAndLabels = String.raw`(?:${metricname}(?:\{(?:${labels})?\})?|\{${metricnameUtf8}(?:,${label})*\})`;
const sample = `${nameAndLabels} ${value}(?: ${realnumber})?(?: st@${realnumber})?(?:${exemplar})*`;

const LINE = new RegExp(`^(?:${descriptor}|${sample})$`, 'u');

/** The lines of a page that break the grammar; its end, too, if it is not `# EOF`. */
export function faultyLines(page: string): string[] {
  const lines = page.split('\n');
  const end = lines.splice(-2);
  const faults = lines.filter((line) => !LINE.test(line));
  return end[0] === '# EOF' && end[1] === '' ? faults : [...faults, ...end];
}
