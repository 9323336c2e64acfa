"""``python -m tests.newsroom [port]``: serve the newsroom until Ctrl-C and print its addresses."""

import sys
import time

from .server import Newsroom


def main() -> None:
    with Newsroom(port=int(sys.argv[1]) if len(sys.argv) > 1 else 0) as newsroom:
        print(f"http://127.0.0.1:{newsroom.port}/ (the main site; the names below need a resolver that maps *.test)")
        print("\n".join(newsroom.front_pages), flush=True)
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            print("closed")


if __name__ == "__main__":
    main()
