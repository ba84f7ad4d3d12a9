// Requires every entry of the installed package, and prints what each exports.
const [, , ...entries] = process.argv;
const names = {};
for (const entry of entries) names[entry] = Object.keys(require(entry)).sort();
console.log(JSON.stringify({ version: process.version, names }));
