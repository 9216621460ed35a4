"""The credential helper that git starts: it passes queries on to `credential_server`, and its responses back.

In: git's query on standard input. Out: the response on standard output. Queries to store or erase a login are dropped
(git: gitcredentials).

It is a short module of its own because the interpreter runs it by its path (`python -I -S credential_program.py SOCKET
get`), once for each query of git's: it imports nothing of ours, so it starts fast, and it holds no secret.
"""

import socket
import sys


def main() -> None:
    """Pass on one query and its response; write nothing if the socket does not respond."""
    if len(sys.argv) != 3 or sys.argv[2] != "get":
        return
    query = sys.stdin.buffer.read(65536)
    response = b""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(60)
            connection.connect(sys.argv[1])
            connection.sendall(query)
            connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(65536):
                response += part
    except OSError:
        return
    sys.stdout.buffer.write(response)


if __name__ == "__main__":
    main()
