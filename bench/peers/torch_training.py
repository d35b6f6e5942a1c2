"""A training step of Audio Mamba in PyTorch on the CPU: the model of torch_audiomamba.py, learning.

A step is what `earmark --bench --training` times: bn0's statistics over the batch, forward, mean BCE on the clip's logits,
backward, the gradient's norm and clipping, AdamW (fused; norms, biases, A, D and dt biases do not decay) and a running
average of the weights. Drop path 0.1, as the recipe has it. The scan is C++ both ways (scan_training.cpp). Variants:

  cpp       eager                compile   torch.compile around the model and the loss

  torch_training.py --preset nano --threads 2 [--batch 16] [--window 10] [--variant cpp]      one JSON line
  torch_training.py --check NAME.safetensors   gradients: the scan's by finite differences, in double; the model's
                                               against the goldens, NAME.io.safetensors beside it
"""
import argparse
import functools
import json
import pathlib
import resource
import sys
import time

import torch
import torch.nn.functional as F
from safetensors import safe_open

import measure
import torch_audiomamba as peer

DROP_PATH, CLIP, EMA, DECAY = 0.1, 1.0, 0.999, 0.05


# ---------------------------------------------------------------- the scan

def back_through_scan(ctx, dy, _):
    return *torch.ops.earmark_peer_training.scan4_backward(dy, *ctx.saved_tensors, ctx.h, ctx.w), None, None


def keep_for_back(ctx, inputs, output):
    ctx.save_for_backward(output[1], *inputs[:6])
    ctx.h, ctx.w = inputs[6:]


def meta_states(u, raw, bc, a, skip, bias, h, w):
    return torch.empty_like(u), u.new_empty(u.shape[0], 4, -(-h * w // 16), u.shape[2])


def meta_back(dy, states, u, raw, bc, a, skip, bias, h, w):
    return tuple(torch.empty_like(x) for x in (u, raw, bc, a, skip, bias))


@functools.cache
def build_scan():
    peer.build_cpp("scan_training.cpp")
    torch.library.register_fake("earmark_peer_training::scan4")(meta_states)
    torch.library.register_fake("earmark_peer_training::scan4_backward")(meta_back)
    torch.library.register_autograd("earmark_peer_training::scan4", back_through_scan, setup_context=keep_for_back)
    return lambda *args: torch.ops.earmark_peer_training.scan4(*args)[0]


# ---------------------------------------------------------------- the model, learning

class Learner(peer.AudioMamba):
    """Parameters under their official names; what AudioMamba has prepared once is made in each forward, with its gradient."""

    def __init__(self, cfg, weights, drop_path=DROP_PATH):
        torch.nn.Module.__init__(self)
        self.cfg, self.scan, self.names, self.ready = cfg, build_scan(), {}, {}
        self.n_blocks, self.drop_path = sum(cfg["depths"]), drop_path
        for name, x in weights.items():
            self.names[name] = name.replace(".", "_")
            if name.startswith("bn0.running"):
                self.register_buffer(self.names[name], x.clone())
                continue
            x = x.contiguous(memory_format=torch.channels_last) if x.dim() == 4 else x.contiguous()
            self.register_parameter(self.names[name], torch.nn.Parameter(x.clone()))

    def w(self, name):
        return self.ready[name]

    def image(self, x):
        if self.cfg["frontend"] == "htsat":
            bn = {part: getattr(self, "bn0_" + part) for part in ("weight", "bias", "running_mean", "running_var")}
            mean, var = self.statistics(x, bn) if self.training else (bn["running_mean"], bn["running_var"])
            scale = bn["weight"] * torch.rsqrt(var + 1e-5)
            self.ready.update({"bn0.weight": scale, "bn0.shift": bn["bias"] - mean * scale})
        return super().image(x)

    def statistics(self, x, bn):
        """Of the batch; the running ones move a tenth of the way."""
        sound = x[:, :self.cfg["frames"] // 128 * 125]
        n = sound.shape[0] * sound.shape[1]
        var, mean = torch.var_mean(sound, (0, 1), correction=0)
        with torch.no_grad():
            bn["running_mean"].lerp_(mean, 0.1)
            bn["running_var"].lerp_(var * (n / (n - 1)), 0.1)
        return mean, var

    def branch(self, y, block):
        p = self.drop_path * block / max(1, self.n_blocks - 1)
        if p == 0:
            return y
        keep = torch.empty(y.shape[0], 1, 1, 1).bernoulli_(1 - p).div_(1 - p)
        return y * keep

    def block(self, x, at):
        i, j = int(at.split(".")[1]), int(at.split(".")[3])
        n = sum(self.cfg["depths"][:i]) + j
        x = x + self.branch(self.ss2d(self.norm(x, at + "norm"), at + "op."), n)
        y = F.gelu(F.linear(self.norm(x, at + "norm2"), self.w(at + "mlp.fc1.weight"), self.w(at + "mlp.fc1.bias")))
        return x + self.branch(F.linear(y, self.w(at + "mlp.fc2.weight"), self.w(at + "mlp.fc2.bias")), n)

    def forward(self, logmel):
        values = {name: getattr(self, own) for name, own in self.names.items() if not name.startswith("bn0.")}
        self.ready = self.prepared(values)
        return super().forward(logmel).mean(1)


def optimizer(model):
    decays = [p for n, p in model.named_parameters() if p.dim() > 1 and not n.endswith(("A_logs", "dt_projs_bias"))]
    others = [p for p in model.parameters() if all(p is not q for q in decays)]
    return torch.optim.AdamW([{"params": decays, "weight_decay": DECAY}, {"params": others, "weight_decay": 0.0}],
                             lr=1e-6, betas=(0.9, 0.999), fused=True)


def make_step(model, variant, x, target):
    params = list(model.parameters())
    average = [p.detach().clone() for p in params]
    adamw = optimizer(model)
    loss_of = lambda x, y: F.binary_cross_entropy_with_logits(model(x), y)
    if variant == "compile":
        loss_of = torch.compile(loss_of)

    def step():
        adamw.zero_grad(set_to_none=True)
        loss = loss_of(x, target)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(params, CLIP, foreach=True)
        adamw.step()
        with torch.no_grad():
            torch._foreach_lerp_(average, params, 1 - EMA)
        return loss.item()
    return step


# ---------------------------------------------------------------- gradients, checked

def check_scan():
    torch.manual_seed(0)
    p, h, w, d = 2, 5, 7, 3                                           # steps that fill no chunk
    shapes = [(p, h * w, d), (p, 4, h * w, d), (p, h * w, 4, 2), (4, d), (4, d), (4, d)]
    args = [torch.randn(s, dtype=torch.float64) for s in shapes]
    args[3] = -args[3].abs() - 0.1
    scan = build_scan()
    ok = torch.autograd.gradcheck(lambda *a: scan(*a, h, w), [a.requires_grad_() for a in args])
    print(json.dumps({"scan": "gradcheck", "passed": ok}), flush=True)


def check(path):
    check_scan()
    cfg, weights = peer.load(path)
    name = pathlib.Path(path).stem
    with safe_open(pathlib.Path(path).with_suffix(".io.safetensors"), "pt") as f:
        golden = {k[len(name) + 1:]: f.get_tensor(k) for k in f.keys()}
    model = Learner(cfg, weights, drop_path=0).eval()                 # as the goldens were made
    logits = model(golden["logmel"].reshape(-1, *golden["logmel"].shape[-2:]))
    logits.backward(golden["dlogits"])
    off = {}
    for official, own in model.names.items():
        want = golden.get("dw." + official)
        if want is not None:
            off[official] = float((getattr(model, own).grad.view_as(want) - want).abs().max() / want.abs().max())
    worst = max(off, key=off.get)
    print(json.dumps({"model": name, "gradients": len(off), "worst": worst, "off_by_share": off[worst]}), flush=True)


# ---------------------------------------------------------------- measured

def time_steps(step):
    """Two warm-ups, then up to 60 steps or 20 s, three at least."""
    for _ in range(2):
        step()
    times, start = [], time.perf_counter()
    while len(times) < 3 or (len(times) < 60 and time.perf_counter() - start < 20):
        begin = time.perf_counter()
        step()
        times.append(1e3 * (time.perf_counter() - begin))
    return times


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--preset", choices=peer.PRESETS)
    args.add_argument("--threads", type=int, default=2)
    args.add_argument("--batch", type=int, default=16)
    args.add_argument("--window", type=float, default=10, help="seconds, a multiple of 1.25")
    args.add_argument("--variant", default="cpp", choices=["cpp", "compile"])
    args.add_argument("--check", metavar="MODEL")
    args = args.parse_args()
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    if args.check:
        return check(args.check)
    if not args.preset:
        sys.exit("torch_training.py: name a --preset, or a model to --check")
    cfg = dict(peer.PRESETS[args.preset], frames=int(args.window / 1.25 * 128))
    x = torch.randn(args.batch, int(args.window * 100), cfg["mels"], generator=torch.Generator().manual_seed(1)) * 10 - 40
    target = F.one_hot(torch.arange(args.batch) % peer.N_CLASSES, peer.N_CLASSES).float()
    times = time_steps(make_step(Learner(cfg, peer.random_weights(cfg)), args.variant, x, target))
    step_ms = measure.percentile(times, 0.5)
    print(json.dumps({
        "peer": "torch-" + args.variant, "preset": args.preset, "threads": args.threads, "batch": args.batch, "window_s": args.window,
        "step_ms": round(step_ms, 3), "p99_ms": round(measure.percentile(times, 0.99), 3), "window_ms": round(step_ms / args.batch, 3),
        "gmac": round(peer.gmac(cfg), 4), "rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "versions": f"torch {torch.__version__}"}), flush=True)


if __name__ == "__main__":
    main()
