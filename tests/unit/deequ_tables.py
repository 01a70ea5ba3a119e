"""Tables that Deequ was run on: files of this project, and larger ones made from Python's generator."""

import json
import random
from pathlib import Path

FOLDER = Path(__file__).parent / "deequ"
SMALL = ("odd.csv", "quotes.csv", "crlf.csv", "dup.csv", "latin.csv")


def deequ() -> dict[str, dict]:
    """What Deequ said of each table."""
    return json.loads((FOLDER / "deequ.json").read_text(encoding="utf-8"))["tables"]


def make(folder: Path) -> None:
    """Write small.csv, small3.csv, small4.csv and big.csv, and the four files of multi/."""
    r = random.Random(1)

    def write(name: str, header: str, row, rows: int) -> None:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(header + "\n" + "".join(row() + "\n" for _ in range(rows)))

    write("small.csv", "v,c", lambda: f"{r.random()},{'yes' if r.random() < 0.3 else 'no'}", 3000)
    write("small3.csv", "v,c", lambda: f"{r.random()},{r.choice(['red', 'green', 'blue'])}", 3000)
    write("small4.csv", "v,c,d", lambda: f"{r.random()},{r.choice(['A', 'B'])},{r.choice(['A', 'B'])}", 3000)
    write(
        "big.csv",
        "u,g,i,s,k",
        lambda: (
            f"{r.random()},{r.gauss(0, 1)!r},{r.randrange(-(10**6), 10**6)},{r.randrange(10**9):x},"
            f"{r.choice('abcdef')}{r.randrange(40)}"
        ),
        120000,
    )
    r.seed(3)
    for name, rows in (("a", 60000), ("b", 130000), ("c", 90000), ("d", 20000)):
        write(
            f"multi/{name}.csv",
            "u,g,i,k",
            lambda: (
                f"{r.random()},{r.gauss(0, 1)!r},{r.randrange(-(10**6), 10**6) if r.random() > 0.05 else ''},"
                f"{r.choice('abcdef')}{r.randrange(9)}"
            ),
            rows,
        )
