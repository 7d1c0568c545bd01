from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from app.serving.identifiers import make_identifier


def test_an_identifier_is_128_bits_in_hexadecimal() -> None:
    identifiers = [make_identifier() for _ in range(600)]
    assert {len(bytes.fromhex(identifier)) for identifier in identifiers} == {16}
    assert len(set(identifiers)) == 600


def test_every_digit_takes_every_value() -> None:
    identifiers = [make_identifier() for _ in range(2000)]
    assert {frozenset(digits) for digits in zip(*identifiers, strict=True)} == {frozenset("0123456789abcdef")}


def test_threads_never_share_one() -> None:
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: [make_identifier() for _ in range(1000)], range(16)))
    assert len({identifier for identifiers in made for identifier in identifiers}) == 16_000


# In a process of its own: Python warns of a fork where other tests have left threads.
FORK = """
import os
from app.serving.identifiers import make_identifier

made = [make_identifier()]
for _ in range(2):
    if os.fork() == 0:
        break
else:
    os.wait(), os.wait()
made += [make_identifier() for _ in range(300)]
os.write(1, ("\\n".join(made[1:]) + "\\n").encode())
"""


def test_forked_processes_never_share_one() -> None:
    made = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, check=True).stdout.split()
    assert len(made) == len(set(made)) == 900
