// The same view by @medplum/core: fhir_medplum.mjs MODULES VIEW.json FILE.ndjson   Prints {"seconds", "cpu", "rows"}. Resources are parsed and evaluated a
// thousand at a time, rows are counted and dropped.
import { createRequire } from 'node:module';
import { createReadStream, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { resolve } from 'node:path';

const [modules, viewFile, file] = process.argv.slice(2);
const { evalSqlOnFhir } = createRequire(resolve(modules) + '/')('@medplum/core');
const view = JSON.parse(readFileSync(viewFile, 'utf8'));
const start = performance.now(), worked = process.cpuUsage();
let rows = 0, resources = [];
const run = () => {
  rows += evalSqlOnFhir(view, resources).length;
  resources = [];
};
for await (const line of createInterface({ input: createReadStream(file) }))
  if (line && resources.push(JSON.parse(line)) === 1000) run();
run();
const cpu = process.cpuUsage(worked);
console.log(JSON.stringify({ seconds: (performance.now() - start) / 1000, cpu: (cpu.user + cpu.system) / 1e6, rows }));
