// Node's soap client makes each call that stands on its input and tells what came of it.
// node client.js WSDL API_KEY < [{"operation": …, "content": …, "key": …}]
'use strict';
const { readFileSync } = require('node:fs');
const soap = require('soap');

const [, , wsdl, apiKey] = process.argv;

async function told(client, call) {
  client.clearSoapHeaders();
  if (call.key) {
    const namespace = client.wsdl.definitions.$targetNamespace;
    client.addSoapHeader({ 'own:IdempotencyKey': call.key }, '', 'own', namespace);
  }
  try {
    const [answer] = await client[`${call.operation}Async`](call.content);
    return { answer: answer ?? {} };
  } catch (error) {
    const fault = error.root?.Envelope?.Body?.Fault;
    if (!fault) throw error;
    return { fault: { kind: fault.faultcode, text: fault.faultstring, detail: fault.detail } };
  }
}

(async () => {
  const client = await soap.createClientAsync(wsdl);
  client.addHttpHeader('X-Api-Key', apiKey);
  const answers = [];
  for (const call of JSON.parse(readFileSync(0, 'utf8'))) answers.push(await told(client, call));
  process.stdout.write(JSON.stringify(answers));
})();
