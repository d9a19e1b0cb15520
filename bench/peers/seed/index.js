// The program of the lesson, with its counter kept in step by messages. Changed: port, host and number of workers come from
// the environment, and idle connections are kept, as all peers here are told to.
const Server = require('./server');
const Router = require('./router');

const app = new Server({instances: Number(process.env.INSTANCES)});

app.server.keepAliveTimeout = 3600e3;

const router = new Router();

let count = 0;
process.on('message', (msg) => { // 处理由worker.send发来的消息
  if (msg === 'count') { // 如果是count事件，则将count加一
    console.log('visit count: %d', ++count);
  }
});

// 统计访问次数
app.use(async (ctx, next) => {
  process.send('count');
  await next();
});

app.use(async (ctx, next) => {
  console.log(`visit ${ctx.req.url} through worker: ${app.worker.process.pid}`);
  await next();
});

app.use(router.all('.*', async ({req, res}, next) => {
  res.setHeader('Content-Type', 'text/html');
  res.body = '<h1>Hello world</h1>';
  await next();
}));

app.listen({
  port: Number(process.env.PORT),
  host: '127.0.0.1',
});
