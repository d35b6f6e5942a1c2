"""gpu_table.py RESULTS - the table of bench/gpu.sh from gpu.jsonl and gpu_steps.txt, as Markdown."""
import json
import pathlib
import sys

folder = pathlib.Path(sys.argv[1])
rows = []
for line in (folder / "gpu.jsonl").read_text().splitlines():
    try:
        rows.append(json.loads(line))
    except ValueError:
        pass                                    # a line cut by a kill


def of(what):
    return [r for r in rows if r["what"] == what]


print("| who | preset | one window, us (p99) | windows/s at 64 |\n|---|---|---|---|")
for r in of("latency"):
    rate = [w["per_s"] for w in of("windows") if w["preset"] == r["preset"] and w["device"] == r["device"]]
    print(f"| earmark, {r['device']} | {r['preset']} | {r['us']:.0f} ({r['p99_us']:.0f}) | {rate[0] if rate else 'not measured'} |")
for r in of("peer"):
    print(f"| {r['peer']} | {r['preset']} | {r['us']:.0f} ({r['p99_us']:.0f}) | {r['per_s']:.0f} |")
for r in of("check"):
    print(f"\n{r['peer']}: logits of {r['model']} off by {r['logits_off_by']:.2g}")
for preset in dict.fromkeys(r["preset"] for r in of("op")):
    print(f"\n| {preset}: operator | stage | calls | us at 1 | all, us | us at 64 | all, us a window | TFLOP/s at 64 |")
    print("|---|---|---|---|---|---|---|---|")
    at = {(r["op"], r["stage"], r["batch"]): r for r in of("op") if r["preset"] == preset}
    for (op, stage, batch), r in at.items():
        many = at.get((op, stage, 64))
        if batch == 1:
            print(f"| {op} | {stage} | {r['n']} | {r['us']} | {r['all_us']} |" +
                  (f" {many['us']} | {many['all_us'] / 64:.2f} | {many['tflops']} |" if many else " | | |"))
ladder = of("ladder")
if ladder:
    versions = list(dict.fromkeys(r["version"] for r in ladder))
    print(f"\n| scan, us: states | stage | batch | {' | '.join(versions)} |\n|---|---|---|{'---|' * len(versions)}")
    at = {(r["states"], r["stage"], r["batch"], r["version"]): r["us"] for r in ladder}
    for states, stage, batch in dict.fromkeys(key[:3] for key in at):
        cells = (f"{at[states, stage, batch, v]}" if (states, stage, batch, v) in at else "" for v in versions)
        print(f"| {states} | {stage} | {batch} | {' | '.join(cells)} |")
print()
print((folder / "gpu_steps.txt").read_text())
