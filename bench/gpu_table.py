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
print("\n| a step of training | batch | ms (p99) | forward | backward |\n|---|---|---|---|---|")
for r in of("training"):
    print(f"| {r['device']}, {r['preset']} | {r['batch']} | {r['step_ms']} ({r['p99_ms']}) | {r['forward_ms']} | {r['backward_ms']} |")
print("\n| live streams | at once | a hop of all, ms (p99) | windows/s | served |\n|---|---|---|---|---|")
for r in of("streams"):
    print(f"| {r['device']}, {r['preset']} | {r['streams']} | {r['hop_ms']} ({r['p99_ms']}) | {r['windows_per_s']} | {r['served']} |")

# What binds a scan: exponentials, 16 a clock and SM (one a state, two for softplus), or u read once, x_dbl and four y in halves.
CARDS = {"H100": (132, 3350), "H200": (132, 4800)}      # SMs, GB/s
INNER, RANK = 192, 6                                    # of tiny's first stage; both double from stage to stage, tokens fall by four


def scan_limit_us(row):
    card = next((c for c in of("card")), None)
    known = next((v for k, v in CARDS.items() if card and k in card["name"]), None)
    if not known:
        return None
    d, rank, n, tokens = INNER << row["stage"], RANK << row["stage"], row["states"], (4096 >> 2 * row["stage"]) * row["batch"]
    exponentials = 4 * tokens * d * (n + 2) / (known[0] * 16 * card["sm_mhz"])
    return max(exponentials, tokens * (2 * d + 16 * (rank + 2 * n) + 8 * d) / (known[1] * 1e3))


ladder = of("ladder")
shipped = [(r, scan_limit_us(r)) for r in ladder if r["version"] == "shipped" and r["us"] > 0]
print("\n| scan: states | stage | batch | us | share of its limit |\n|---|---|---|---|---|")
for r, limit in shipped:
    share = f"{100 * limit / r['us']:.0f} %" if limit else "this card is not known here"
    print(f"| {r['states']} | {r['stage']} | {r['batch']} | {r['us']} | {share} |")
if ladder:
    versions = list(dict.fromkeys(r["version"] for r in ladder))
    print(f"\n| scan, us: states | stage | batch | {' | '.join(versions)} |\n|---|---|---|{'---|' * len(versions)}")
    at = {(r["states"], r["stage"], r["batch"], r["version"]): r["us"] for r in ladder}
    for states, stage, batch in dict.fromkeys(key[:3] for key in at):
        cells = (f"{at[states, stage, batch, v]}" if (states, stage, batch, v) in at else "" for v in versions)
        print(f"| {states} | {stage} | {batch} | {' | '.join(cells)} |")
print()
print((folder / "gpu_steps.txt").read_text())
