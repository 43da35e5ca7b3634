"""A wire between two processes that a test can cut: a TCP proxy on loopback."""

import socket
import threading

HOST = "127.0.0.1"


class Proxy:
    """Forwards to a port. cut() closes and refuses; limit ends each connection after so many answered bytes;
    before(data), when set, is called with what a client sends, and may hold it back by not returning."""

    def __init__(self, lab, target_port):
        self.port = lab.ports.take()
        self.before = None
        self.target_port = target_port
        self.limit = None  # Bytes from the target that one connection may carry.
        self.limited = 0   # How many connections ended that way.
        self.open = True
        self.pairs = {}  # (client, target): how many pumps run
        self.lock = threading.Lock()
        self.listener = socket.create_server((HOST, self.port))
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self):
        self.open = False
        with self.lock:
            pairs = list(self.pairs)
        for pair in pairs:
            self._hang_up(pair)

    def heal(self):
        self.open = True

    def close(self):
        self.cut()
        self.listener.close()

    @staticmethod
    def _hang_up(pair):
        """Both pumps hear of it. A descriptor that is closed while one of them still reads may be another connection's
        by then, whose bytes it would take: the last one closes."""
        for end in pair:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _ended(self, pair):
        self._hang_up(pair)
        with self.lock:
            self.pairs[pair] -= 1
            if self.pairs[pair] > 0:
                return
            del self.pairs[pair]
        for end in pair:
            end.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            if not self.open:
                client.close()
                continue
            try:
                target = socket.create_connection((HOST, self.target_port), 5)
            except OSError:
                client.close()
                continue
            target.settimeout(None)
            pair = (client, target)
            with self.lock:
                self.pairs[pair] = 2
            threading.Thread(target=self._pump, args=(client, target, pair, None), daemon=True).start()
            threading.Thread(target=self._pump, args=(target, client, pair, self.limit), daemon=True).start()

    def _pump(self, source, sink, pair, limit):
        left = limit
        try:
            while True:
                data = source.recv(1 << 16 if left is None else min(left, 1 << 16))
                if not data:
                    break
                if self.before and sink is pair[1]:
                    self.before(data)
                sink.sendall(data)
                if left is not None:
                    left -= len(data)
                    if left <= 0:
                        self.limited += 1
                        break
        except OSError:
            pass
        self._ended(pair)
