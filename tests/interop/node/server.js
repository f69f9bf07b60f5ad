// A gateway by Node's soap server: it answers as the file says, and notes what it understood.
// WSDL, ANSWERS ({"operation": {"answer": …} or {"fault": …}}) and SEEN come from the environment.
// node server.js PORT PATH SERVICE PORT_NAME
'use strict';
const { appendFileSync, readFileSync } = require('node:fs');
const http = require('node:http');
const soap = require('soap');

const [, , port, path, service, portName] = process.argv;
const { WSDL, ANSWERS, SEEN } = process.env;

function answer(operation) {
  return (content, _callback, _headers, request) => {
    const action = request.headers.soapaction;
    appendFileSync(SEEN, `${JSON.stringify({ operation, content: content ?? {}, action })}\n`);
    const told = JSON.parse(readFileSync(ANSWERS, 'utf8'))[operation];
    if (!told.fault) return told.answer;
    const { kind, text, detail } = told.fault;
    throw { Fault: { faultcode: `soap:${kind}`, faultstring: text, detail } };
  };
}

// The server chooses a port by its address alone: all others are led elsewhere.
const xml = readFileSync(WSDL, 'utf8').replace(
  /(<wsdl:port name="([^"]+)"[^]*?location=")[^"]*"/g,
  (_, before, name) => `${before}http://127.0.0.1:${port}${name === portName ? path : `/not/${name}`}"`,
);
const operations = Object.keys(JSON.parse(readFileSync(ANSWERS, 'utf8')));
const implementation = Object.fromEntries(operations.map((name) => [name, answer(name)]));
const server = http.createServer((_, response) => response.writeHead(404).end());
// Before it listens: who asked in between would be told that nothing is here.
soap.listen(server, { path, services: { [service]: { [portName]: implementation } }, xml, uri: WSDL });
server.listen(Number(port), '127.0.0.1');
