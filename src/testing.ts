export type { ScrapedFamily, ScrapedPage, ScrapedSample } from './testing/page.ts';
export { parsePage } from './testing/parse-page.ts';
export { scrape, type ScrapeOptions } from './testing/scrape.ts';
export { type ExpectedLabels, expectNoSeries, expectSeries, findSeries, seriesValue } from './testing/series.ts';
