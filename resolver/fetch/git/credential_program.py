"""The credential helper that git starts: it passes git's question on to a socket, and the answer back.

Run as a file by the interpreter alone (`python -I -S credential_program.py SOCKET get`), so it imports nothing of
ours and holds no secret. What git would like to have stored or forgotten is not passed on (git: gitcredentials).
"""

import socket
import sys


def main() -> None:
    """Answer one question of git's; say nothing where nobody listens."""
    if len(sys.argv) != 3 or sys.argv[2] != "get":
        return
    question = sys.stdin.buffer.read(65536)
    answer = b""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(60)
            connection.connect(sys.argv[1])
            connection.sendall(question)
            connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(65536):
                answer += part
    except OSError:
        return
    sys.stdout.buffer.write(answer)


if __name__ == "__main__":
    main()
