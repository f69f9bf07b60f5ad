// Node's soap client sends each document that stands on its input as an attachment in MTOM, in SOAP 1.1 or 1.2.
// node attach.js WSDL PORT API_KEY KEY < {"content": {…}, "newer": true}
'use strict';
const { readFileSync } = require('node:fs');
const soap = require('soap');

const [, , wsdl, port, apiKey, key] = process.argv;

(async () => {
  const { content, newer } = JSON.parse(readFileSync(0, 'utf8'));
  const client = await soap.createClientAsync(wsdl, { forceSoap12Headers: newer });
  client.addHttpHeader('X-Api-Key', apiKey);
  client.addHttpHeader('Idempotency-Key', key);
  const body = Buffer.from(content.content, 'base64');
  const href = { 'xmlns:xop': 'http://www.w3.org/2004/08/xop/include', href: 'cid:document@node' };
  const send = client.WindowInwardService[port].AttachDocument;
  const attachments = [{ mimetype: 'application/pdf', contentId: 'document@node', name: 'a.pdf', body }];
  const referring = { ...content, content: { 'xop:Include': { attributes: href } } };
  const answer = await new Promise((resolve, reject) => {
    send(referring, (error, found) => (error ? reject(error) : resolve(found)), { attachments, forceMTOM: true });
  });
  process.stdout.write(JSON.stringify(answer));
})();
