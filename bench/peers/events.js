// What bench/events.c does, on Node's cluster: GET /events is a stream of events, and what POST /say says in one worker the
// primary relays to all, each of which writes it to its streams.
const cluster = require('cluster');
const http = require('http');

if (cluster.isPrimary) {
  for (let i = 0; i < Number(process.env.INSTANCES); i++) cluster.fork();
  cluster.on('message', (from, message) => {
    for (const worker of Object.values(cluster.workers)) worker.send(message);
  });
} else {
  const streams = new Set();
  process.on('message', (text) => {
    const event = `event: news\ndata: ${text}\n\n`;
    for (const stream of streams) stream.write(event);
  });
  http.createServer((req, res) => {
    if (req.url === '/events') {
      res.writeHead(200, {'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store'});
      res.write('retry: 2000\n\n');
      streams.add(res);
      res.on('close', () => streams.delete(res));
    } else if (req.method === 'POST') {
      let text = '';
      req.on('data', (piece) => text += piece);
      req.on('end', () => {
        process.send(text);
        res.writeHead(204).end();
      });
    } else {
      res.end('ready');
    }
  }).listen(Number(process.env.PORT), '127.0.0.1');
}
