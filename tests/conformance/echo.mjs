// The peer of test_differential.py: Node's own http server, saying what it understood.
import http from 'node:http';

const server = http.createServer({ keepAliveTimeout: 60000 }, (request, response) => {
  const body = [];
  request.on('data', piece => body.push(piece));
  request.on('error', () => {});
  request.on('end', () => {
    const bytes = Buffer.concat(body);
    response.writeHead(200, { 'X-Method': request.method, 'X-Target': request.url, 'Content-Length': bytes.length });
    response.end(bytes);
  });
});
server.httpAllowHalfOpen = true;
// By default a bad request costs the good ones before it their answers; here these come first.
server.on('clientError', (error, socket) => {
  setTimeout(() => socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'), 20);
});
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
