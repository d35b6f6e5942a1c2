"""shells.py SHELL FOLDER: types into a real shell, on a terminal of its own, with the completion of FOLDER loaded, and looks
at what the Tab key makes of the line. Every wait is bounded. Exit status 77: the shell is not installed."""
import os, pty, re, select, shutil, signal, sys, time

LOAD = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "bind 'set enable-bracketed-paste off'; . {0}/earmark.bash"),
    "zsh": (["zsh", "-f", "-i"], "unsetopt zle_bracketed_paste; fpath=({0} $fpath); autoload -Uz compinit; compinit -u -D; LISTMAX=0"),
}
# what is typed, and what the line has to be after one Tab
CASES = [
    ("--colo", r"--color"),                         # the only option that begins so
    ("--color al", r"--color always"),              # words of the table, in a word of their own
    ("--color=al", r"--color=always"),              # and behind the equals sign
    ("-f audac", r"-f audacity"),                   # formats, behind the letter
    ("--scores=no", r"--scores=none"),              # an argument that may be left out
    ("--jack=n", r"--jack=no"),                     # a flag
    ("-c hear.c", r"-c hear\.conf"),                # files
    ("--out-dir sub", r"--out-dir sub"),            # folders
    ("hear.w", r"hear\.wav"),                       # operands
]


class Shell:
    def __init__(self, name, folder):
        argv, load = LOAD[name]
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="dumb", PS1="$ ", PROMPT="$ ", HOME=os.getcwd(), INPUTRC="/dev/null", COLUMNS="200")
            os.execvp(argv[0], argv)
        self.ask(load.format(folder) + "; echo load''ed\n", r"loaded")

    def ask(self, text, wanted, limit=10):
        """Types; true once what comes back holds the wanted expression."""
        seen, end = "", time.monotonic() + limit
        os.write(self.fd, text.encode())
        while time.monotonic() < end:
            if select.select([self.fd], [], [], 0.1)[0]:
                seen += os.read(self.fd, 65536).decode(errors="replace")
            if re.search(wanted, re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\x07", "", seen)):
                return True
        print(f"typed {text!r}, wanted {wanted}, got {seen!r}")
        return False

    def end(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def main():
    name, folder = sys.argv[1:]
    if not shutil.which(name):
        sys.exit(77)
    for path in ("hear.conf", "hear.wav"):
        open(path, "w").close()
    os.makedirs("subfolder/inside", exist_ok=True)
    open("subfile", "w").close()
    good, shell = True, Shell(name, folder)
    for typed, wanted in CASES:
        end = r"folder" if "sub" in typed else r"(?![-\w.])"
        good &= shell.ask(f"earmark {typed}\t", rf"earmark {wanted}{end}")
        shell.ask("\x15echo nex''t\n", r"next")
    shell.end()
    sys.exit(not good)


main()
