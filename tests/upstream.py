"""A server behind the server: every connection has a thread, every request is kept, a function per path answers octet by octet."""
import socket
import threading

from harness import PATIENCE


class Request:
    def __init__(self, head, number):
        first, *lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, self.version = first.split(" ")
        self.lines = [tuple(part.strip() for part in line.partition(":")[::2]) for line in lines]
        self.head, self.number, self.body = head, number, b""

    def all(self, name):
        return [value for n, value in self.lines if n.lower() == name.lower()]

    def get(self, name, default=None):
        return self.all(name)[0] if self.all(name) else default


class Talk:
    """One connection, as the answering function sees it."""

    def __init__(self, sock, number):
        self.socket, self.number, self.buffer = sock, number, b""
        self.requests = 0

    def fill(self):
        data = self.socket.recv(65536)
        if not data:
            raise EOFError
        self.buffer += data

    def read_head(self):
        while b"\r\n\r\n" not in self.buffer:
            self.fill()
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        self.requests += 1
        return Request(head, self.number)

    def line(self):
        while b"\r\n" not in self.buffer:
            self.fill()
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line

    def exactly(self, size):
        while len(self.buffer) < size:
            self.fill()
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def chunk(self):
        size = int(self.line().split(b";")[0], 16)
        data = self.exactly(size)
        self.line()
        return data

    def pieces(self, request):
        """The request's body as it comes."""
        if "chunked" in request.get("Transfer-Encoding", ""):
            while data := self.chunk():
                yield data
            return
        left = int(request.get("Content-Length", 0))
        while left:
            if not self.buffer:
                self.fill()
            data, self.buffer = self.buffer[:left], self.buffer[left:]
            left -= len(data)
            yield data

    def send(self, data):
        self.socket.sendall(data.encode("latin-1") if isinstance(data, str) else data)

    def answer(self, body=b"", status="200 OK", headers=""):
        body = body.encode() if isinstance(body, str) else body
        self.send(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode("latin-1") + body)

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        raise EOFError

    def wait_gone(self):
        """Until the other side closes: what it sends meanwhile is thrown away."""
        try:
            while self.socket.recv(65536):
                pass
        except OSError:
            pass


class Upstream:
    """serve = {path: function(talk, request)}; "*" takes the rest. A function that reads no body has it read before, into request.body,
    unless its name begins with raw_."""

    def __init__(self, serve, wrap=None, unix=None):
        if unix:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(unix)
            self.listener.listen(1024)
        else:
            self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
            self.port = self.listener.getsockname()[1]
        self.serve, self.wrap = serve, wrap
        self.connections, self.open = 0, 0
        self.requests, self.errors = [], []
        self.changed = threading.Condition()
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, path="/"):
        return f"http://127.0.0.1:{self.port}{path}"

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with self.changed:
                self.connections += 1
                self.open += 1
                self.changed.notify_all()
            threading.Thread(target=self._talk, args=(sock, self.connections), daemon=True).start()

    def _talk(self, sock, number):
        sock.settimeout(PATIENCE)
        try:
            if self.wrap:
                sock = self.wrap(sock)
            talk = Talk(sock, number)
            while True:
                request = talk.read_head()
                function = self.serve.get(request.target.split("?")[0]) or self.serve["*"]
                if not function.__name__.startswith("raw_"):
                    request.body = b"".join(talk.pieces(request))
                with self.changed:
                    self.requests.append(request)
                    self.changed.notify_all()
                function(talk, request)
        except (EOFError, OSError):
            pass
        except Exception as error:  # noqa: BLE001: a test looks at it
            self.errors.append(error)
        finally:
            sock.close()
            with self.changed:
                self.open -= 1
                self.changed.notify_all()

    def wait(self, condition, what):
        with self.changed:
            assert self.changed.wait_for(condition, PATIENCE), f"{what}; {len(self.requests)} requests, {self.open} open, {self.errors}"

    def wait_requests(self, count):
        self.wait(lambda: len(self.requests) >= count, f"{count} requests expected")
        return self.requests[count - 1]

    def wait_closed(self, left=0):
        self.wait(lambda: self.open <= left, f"{left} open connections expected")

    def close(self):
        self.listener.close()
