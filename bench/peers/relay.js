// What bench/bus.c does, on Node's cluster: GET /COUNT sends that many short messages from one worker to the two others, by
// the primary as in the lesson's program, and answers with what was delivered and how many seconds it took.
const cluster = require('cluster');
const http = require('http');

const WORKERS = 3;

if (cluster.isPrimary) {
  for (let i = 0; i < WORKERS; i++) cluster.fork();
  cluster.on('message', (from, message) => {
    for (const worker of Object.values(cluster.workers)) {
      if (message.to ? worker.id === message.to : worker !== from) worker.send(message);
    }
  });
} else {
  let received = 0, waiting = null;
  process.on('message', (message) => {
    if (message.topic === 'short') {
      received += message.value > 0;
    } else if (message.topic === 'count') {
      process.send({topic: 'counted', to: message.from, count: received});
      received = 0;
    } else if (waiting) {
      waiting(message.count);
    }
  });
  http.createServer((req, res) => {
    const count = Number(req.url.slice(1)), begin = process.hrtime.bigint();
    if (!count) {
      res.end('ready');
      return;
    }
    let delivered = 0, replies = 0;
    waiting = (n) => {
      delivered += n;
      if (++replies === WORKERS - 1) res.end(`${delivered} ${Number(process.hrtime.bigint() - begin) / 1e9}`);
    };
    for (let i = 1; i <= count; i++) process.send({topic: 'short', value: i});
    process.send({topic: 'count', from: cluster.worker.id});
  }).listen(Number(process.env.PORT), '127.0.0.1');
}
