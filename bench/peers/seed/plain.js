// The lesson's server without its counter and its log: what Node's cluster itself costs.
const Server = require('./server');
const Router = require('./router');

const app = new Server({instances: Number(process.env.INSTANCES)});

app.server.keepAliveTimeout = 3600e3;

const router = new Router();

app.use(router.all('.*', async ({req, res}, next) => {
  res.setHeader('Content-Type', 'text/html');
  res.body = '<h1>Hello world</h1>';
  await next();
}));

app.listen({
  port: Number(process.env.PORT),
  host: '127.0.0.1',
});
