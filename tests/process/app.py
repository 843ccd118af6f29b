"""A service for tests that starts in milliseconds: HTTP/1.1 by hand, told what to do by its environment.

``python -S app.py PORT VERSION``. GET / answers "VERSION pid"; /slow answers after 0.4 s; /stream sends pieces; /fail
answers 500; /env answers $ANSWER; /big answers 3 MB; /freeze stops the process itself. Variables: EXIT=status (at once,
with a last line), LATE=seconds (before it listens), DEAF=1 (never listens), UNREADY=path (a 503 there while that file
exists), STUBBORN=1 (ignores SIGTERM), CHILD=1 (leaves `sh -c "sleep …"` behind), CHATTY=1 (writes without end).
"""

import os
import signal
import socket
import sys
import time
from _thread import start_new_thread


def serve(connection, version):
    data = b""
    while True:
        while b"\r\n\r\n" not in data:
            piece = connection.recv(65536)
            if not piece:
                connection.close()
                return
            data += piece
        head, _, data = data.partition(b"\r\n\r\n")
        path = head.split()[1].decode()
        status, body = "200 OK", f"{version} {os.getpid()}".encode()
        if path == "/slow":
            time.sleep(0.4)
        if path == "/env":
            body = os.environ.get("ANSWER", "").encode()
        if path == "/all":
            body = "\n".join(sorted(os.environ)).encode()
        if path == "/big":
            body = b"x" * 3_000_000
        if path == "/fail" or os.environ.get("FAIL"):
            status = "500 Internal Server Error"
        if path == "/ready" and os.access(os.environ.get("UNREADY", "/nowhere"), os.F_OK):
            status = "503 Service Unavailable"
        if path == "/freeze":
            os.kill(os.getpid(), signal.SIGSTOP)
        close = b"connection: close" in head.lower()
        connection.sendall(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        if close:
            connection.close()
            return


def main():
    version = sys.argv[2]
    print(f"starting {version}", flush=True)
    if "EXIT" in os.environ:
        print("cannot go on: out of cheese", file=sys.stderr, flush=True)
        os._exit(int(os.environ["EXIT"]))
    if "STUBBORN" in os.environ:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "CHILD" in os.environ and os.fork() == 0:
        os.execvp("sh", ["sh", "-c", "trap '' TERM; sleep 1000; true"])
    if "CHATTY" in os.environ:
        start_new_thread(lambda: [print("x" * 100) for _ in iter(int, 1)], ())
    time.sleep(float(os.environ.get("LATE", "0")))
    if "DEAF" in os.environ:
        time.sleep(1000)
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen(256)
    while True:
        connection, _ = listener.accept()
        start_new_thread(serve, (connection, version))


main()
