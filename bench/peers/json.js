// What bench/json.c does, in Node: the http module alone, on Node's cluster when there are several workers.
const cluster = require('cluster');
const http = require('http');

const workers = Number(process.env.INSTANCES);

if (cluster.isPrimary && workers > 1) {
  for (let i = 0; i < workers; i++) cluster.fork();
} else {
  const list = [];
  for (let i = 0; i < 100; i++) {
    list.push({id: i, name: `Person ${i}`, mail: `person.${i}@example.com`, active: i % 3 !== 0, balance: (i * 7919 % 100000) / 100,
      tags: ['onion', 'shallot "red"']});
  }
  const server = http.createServer((req, res) => {
    const body = JSON.stringify(req.url === '/small' ? {message: 'Hello, World!'} : list);
    res.writeHead(200, {'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body)});
    res.end(body);
  });
  server.keepAliveTimeout = 3600e3;
  server.listen(Number(process.env.PORT), '127.0.0.1');
}
