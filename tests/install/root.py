"""root.py ROOT PACKAGE...: makes ROOT a Debian system that holds the files of those packages and of all that they depend on,
as they are installed here, and nothing else; its dpkg knows exactly these. No network."""
import os, re, shutil, subprocess, sys

ROOT, WANTED = sys.argv[1], sys.argv[2:]
LIST = "/var/lib/dpkg/info"


def installed():
    """name: its stanza of dpkg's list; and who provides which virtual package."""
    stanzas, providers = {}, {}
    for stanza in open("/var/lib/dpkg/status", encoding="utf-8").read().split("\n\n"):
        fields = dict(re.findall(r"^([A-Za-z-]+): (.*)$", stanza, re.M))
        if fields.get("Status", "").endswith(" installed"):
            stanzas[fields["Package"]] = (stanza, fields)
            for name in re.findall(r"([^\s,(]+)(?: \([^)]*\))?(?:,|$)", fields.get("Provides", "")):
                providers.setdefault(name, fields["Package"])
    return stanzas, providers


def closure(stanzas, providers):
    todo, seen = list(WANTED), set()
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        fields = stanzas[name][1]
        for group in f"{fields.get('Depends', '')},{fields.get('Pre-Depends', '')}".split(","):
            names = [re.split(r"[ (:]", one.strip())[0] for one in group.split("|")]
            found = next((providers.get(one, one) for one in names if one in stanzas or one in providers), None)
            if found:
                todo.append(found if found in stanzas else names[0])
    return seen


def copy(name, fields):
    info = next(p for p in (f"{LIST}/{name}.list", f"{LIST}/{name}:{fields['Architecture']}.list") if os.path.exists(p))
    for path in open(info, encoding="utf-8").read().split("\n"):
        target = ROOT + path
        if path in ("", "/.") or path.startswith(("/usr/share/doc/", "/usr/share/man/", "/usr/share/locale/")):
            continue
        if os.path.islink(path) and not os.path.lexists(target):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.symlink(os.readlink(path), target)
        elif os.path.isdir(path):
            os.makedirs(target, exist_ok=True)
        elif os.path.isfile(path) and not os.path.lexists(target):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy(path, target)


def main():
    stanzas, providers = installed()
    names = closure(stanzas, providers)
    for folder in ("bin", "sbin", "lib", "lib64"):              # as on a merged /usr
        os.makedirs(f"{ROOT}/usr/{folder}")
        os.symlink(f"usr/{folder}", f"{ROOT}/{folder}")
    for folder in ("var/lib/dpkg/info", "var/lib/dpkg/updates", "proc", "dev", "tmp", "etc"):
        os.makedirs(f"{ROOT}/{folder}", exist_ok=True)
    for name in sorted(names):
        copy(name, stanzas[name][1])
    with open(f"{ROOT}/var/lib/dpkg/status", "w", encoding="utf-8") as f:
        f.write("\n\n".join(stanzas[name][0] for name in sorted(names)) + "\n")
    subprocess.run(["/sbin/ldconfig", "-r", ROOT], check=True)
    print(f"{len(names)} packages")


main()
