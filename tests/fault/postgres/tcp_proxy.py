"""A TCP connection that a test can cut: what connects to port is passed on to another port of this machine."""
import contextlib
import select
import socket
import threading


class TcpProxy:
    def __init__(self, to):
        self.to, self.state, self.pairs = to, "open", []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.end = False
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def cut(self):
        """Connections are reset, and new ones end at once."""
        self.state = "cut"

    def swallow(self):
        """Nothing passes any more, and nobody is told; who connects anew hears nothing."""
        self.state = "swallow"

    def mend(self):
        """What was there goes, new connections pass."""
        self.state = "mend"

    def close(self):
        self.end = True
        self.thread.join()

    def accept(self):
        client, _ = self.listener.accept()
        if self.state == "cut":
            client.close()
            return
        server = socket.create_connection(("127.0.0.1", self.to)) if self.state == "open" else None
        self.pairs.append((client, server))

    def drop_all(self):
        for pair in self.pairs:
            for end in pair:
                if end:
                    end.close()
        self.pairs.clear()

    def carry(self, end):
        pair = next(pair for pair in self.pairs if end in pair)
        other = pair[1] if end is pair[0] else pair[0]
        with contextlib.suppress(OSError):
            data = end.recv(1 << 16)
            if data:
                other.sendall(data)
                return
        self.pairs.remove(pair)
        for one in pair:
            one.close()

    def serve(self):
        while not self.end:
            if self.state in ("cut", "mend"):
                self.drop_all()
            if self.state == "mend":
                self.state = "open"
            ends = [end for pair in self.pairs for end in pair if end] if self.state == "open" else []
            for end in select.select([self.listener, *ends], [], [], 0.01)[0]:
                if end is self.listener:
                    with contextlib.suppress(OSError):
                        self.accept()
                elif end.fileno() >= 0 and any(end in pair for pair in self.pairs):
                    self.carry(end)
        self.drop_all()
        self.listener.close()
