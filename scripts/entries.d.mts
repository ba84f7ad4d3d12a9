export const ROOT: string;
export function entrySources(): Record<string, string>;
export function filesIn(folder: string): string[];
