// Imports every entry of the installed package, and prints what each exports and how long the first
// took.
const [, , ...entries] = process.argv;
const before = performance.now();
await import(entries[0]);
const milliseconds = performance.now() - before;
const names = {};
for (const entry of entries) names[entry] = Object.keys(await import(entry)).sort();
console.log(JSON.stringify({ version: process.version, names, milliseconds }));
