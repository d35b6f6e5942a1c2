"""verdict.py - what the tests here say of themselves: each promise that does not hold is told and counted, and the test goes on."""
import sys

n_failed = 0


def check(is_so, what):
    global n_failed
    if not is_so:
        n_failed += 1
        print("FAILED:", what, flush=True)


def finish():
    """Ends the program; 1: something failed."""
    print("all passed" if not n_failed else f"{n_failed} failed")
    sys.exit(n_failed > 0)
