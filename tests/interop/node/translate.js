// Translate one record by a JSONata expression again and again: {"microseconds", "payload"} on stdout.
const fs = require("fs");
const jsonata = require("jsonata");

const [, , expressionFile, recordText, calls] = process.argv;

async function main() {
  const expression = jsonata(fs.readFileSync(expressionFile, "utf8"));
  const record = JSON.parse(recordText);
  const payload = await expression.evaluate(record);
  let best = Infinity;
  for (let round = 0; round < 20; round += 1) {
    const started = process.hrtime.bigint();
    for (let call = 0; call < Number(calls); call += 1) await expression.evaluate(record);
    best = Math.min(best, Number(process.hrtime.bigint() - started) / 1000 / Number(calls));
  }
  process.stdout.write(JSON.stringify({ microseconds: best, payload }));
}

main();
