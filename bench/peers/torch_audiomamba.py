"""Audio Mamba in plain PyTorch on the CPU: the peer that has the same model, and a yardstick for making the demo.

Written for this benchmark from the formulas, as fast as PyTorch lets it be: channels-last throughout, the projections of
all four directions in one product, norms and convolutions by PyTorch's own kernels, and the scan (one state a channel)
either in C++ (scan.cpp, a custom operator) or in PyTorch alone, in two levels of sqrt(L) steps each. Variants:

  cpp       eager, scan in C++          cpp-jit   the same, traced and frozen
  compile   torch.compile around it     chunked   eager, scan in PyTorch

  torch_audiomamba.py --preset nano --threads 2 [--variant cpp]     one JSON line: log-mel in, scores out
  torch_audiomamba.py --check NAME.safetensors    how far the logits are from the goldens, NAME.io.safetensors beside it
"""
import argparse
import functools
import json
import math
import os
import pathlib
import sys

import torch
import torch.nn.functional as F
from safetensors import safe_open

import measure

HERE = pathlib.Path(__file__).resolve().parent
P = dict(mels=64, frames=1024, fold=4, frontend="htsat", head="tscam", ssm_ratio=2.0)
PRESETS = {
    "tiny": dict(P, dims=[96, 192, 384, 768], depths=[2, 2, 9, 2]),
    "micro": dict(P, dims=[56, 112, 224, 448], depths=[2, 2, 6, 2]),
    "nano": dict(P, dims=[40, 80, 160, 320], depths=[2, 2, 2, 2]),
    "dass-small": dict(P, dims=[96, 192, 384, 768], depths=[2, 2, 8, 2], ssm_ratio=1.0, mels=128, fold=1, frontend="kaldi",
                       head="linear"),
}
N_CLASSES = 527


def block_shapes(prefix, d, ratio):
    inner, rank = int(d * ratio), math.ceil(d / 16)
    return {prefix + name: shape for name, shape in {
        "norm.weight": (d,), "norm.bias": (d,), "op.in_proj.weight": (inner, d), "op.conv2d.weight": (inner, 1, 3, 3),
        "op.x_proj_weight": (4, rank + 2, inner), "op.dt_projs_weight": (4, inner, rank), "op.dt_projs_bias": (4, inner),
        "op.A_logs": (4 * inner, 1), "op.Ds": (4 * inner,), "op.out_norm.weight": (inner,), "op.out_norm.bias": (inner,),
        "op.out_proj.weight": (d, inner), "norm2.weight": (d,), "norm2.bias": (d,), "mlp.fc1.weight": (4 * d, d),
        "mlp.fc1.bias": (4 * d,), "mlp.fc2.weight": (d, 4 * d), "mlp.fc2.bias": (d,)}.items()}


def shapes(cfg):
    d0, last = cfg["dims"][0], cfg["dims"][3]
    out = {"patch_embed.0.weight": (d0 // 2, 1, 3, 3), "patch_embed.0.bias": (d0 // 2,), "patch_embed.2.weight": (d0 // 2,),
           "patch_embed.2.bias": (d0 // 2,), "patch_embed.5.weight": (d0, d0 // 2, 3, 3), "patch_embed.5.bias": (d0,),
           "patch_embed.7.weight": (d0,), "patch_embed.7.bias": (d0,),
           "classifier.norm.weight": (last,), "classifier.norm.bias": (last,)}
    if cfg["frontend"] == "htsat":
        out.update({"bn0." + n: (cfg["mels"],) for n in ("weight", "bias", "running_mean", "running_var")})
    if cfg["head"] == "tscam":
        out.update({"tscam_conv.weight": (N_CLASSES, last, 2, 3), "tscam_conv.bias": (N_CLASSES,)})
    else:
        out.update({"classifier.head.weight": (N_CLASSES, last), "classifier.head.bias": (N_CLASSES,)})
    for i, (d, n) in enumerate(zip(cfg["dims"], cfg["depths"])):
        for j in range(n):
            out.update(block_shapes(f"layers.{i}.blocks.{j}.", d, cfg["ssm_ratio"]))
        if i < 3:
            down = f"layers.{i}.downsample."
            out.update({down + "1.weight": (2 * d, d, 3, 3), down + "1.bias": (2 * d,), down + "3.weight": (2 * d,),
                        down + "3.bias": (2 * d,)})
    return out


def random_weights(cfg):
    """Values of the size that trained weights have; the speed does not depend on them, denormals aside."""
    g = torch.Generator().manual_seed(0)
    out = {}
    for name, shape in shapes(cfg).items():
        r = torch.randn(shape, generator=g)
        if name.endswith(("A_logs", "running_var", "Ds")) or (len(shape) == 1 and name.endswith("weight")):
            out[name] = 1 + 0.1 * r.abs()
        elif name.endswith("dt_projs_bias"):
            out[name] = -3 + r
        else:
            out[name] = r / math.sqrt(max(1, r[0].numel()))
    return out


def load(path):
    with safe_open(path, "pt") as f:
        cfg = json.loads(f.metadata()["earmark"])
        weights = {k: f.get_tensor(k).float() for k in f.keys()}
    fits = (cfg["block"] == "ss2d" and cfg["d_state"] == 1 and not cfg["gate"] and not cfg["conv_bias"] and cfg["mlp_ratio"] == 4
            and cfg["patch_embed"] == "v2" and cfg["downsample"] == "v3" and cfg["fit"] == "pad")
    if not fits:
        sys.exit(f"{path}: this peer knows the presets' family only (no gate, one state, two-conv embed, 3x3 downsample, pad)")
    return cfg, weights


def gmac(cfg):
    """Multiply-adds of one window, the scan's few per element left out, as DESIGN counts them."""
    rows, cols = (cfg["mels"] * cfg["fold"], cfg["frames"] // cfg["fold"])
    d0 = cfg["dims"][0]
    n = rows * cols // 4 * 9 * d0 // 2 + rows * cols // 16 * 9 * d0 // 2 * d0
    for i, (d, depth) in enumerate(zip(cfg["dims"], cfg["depths"])):
        tokens = rows * cols // 16 // 4 ** i
        inner, rank = int(d * cfg["ssm_ratio"]), math.ceil(d / 16)
        n += depth * tokens * (2 * d * inner + 9 * inner + 4 * inner * (2 * rank + 2) + 8 * d * d)
        if i < 3:
            n += tokens // 4 * 9 * d * 2 * d
    last = cfg["dims"][3]
    n += 32 * 6 * last * N_CLASSES if cfg["head"] == "tscam" else last * N_CLASSES
    return n / 1e9


# ---------------------------------------------------------------- the scan, in PyTorch alone

def four_orders(x, h, w):
    """x [P, H*W, ...] in image order -> [P, 4, H*W, ...], each direction in its own."""
    p = x.shape[0]
    across = x.view(p, h, w, -1).transpose(1, 2).reshape(p, h * w, -1)
    return torch.stack([x.flatten(2), across, x.flatten(2).flip(1), across.flip(1)], 1)


def chunked_scan(u, raw, bc, a, skip, bias, h, w):
    """As scan4 of scan.cpp. Chunks run side by side for sqrt(L) steps, then their ends are carried from one to the next."""
    p, steps, d = u.shape
    us = four_orders(u, h, w)
    own = lambda x: torch.stack([four_orders(x[:, k], h, w)[:, k] for k in range(4)], 1)
    delta = F.softplus(own(raw) + bias[:, None])
    bs, cs = own(bc.transpose(1, 2)).unbind(-1)
    decay = torch.exp(delta * a[:, None])
    drive = delta * us * bs[..., None]
    size = 2 ** math.ceil(math.log2(steps) / 2)
    decay, drive = (x.view(p, 4, steps // size, size, d) for x in (decay, drive))
    for t in range(1, size):
        drive[:, :, :, t].addcmul_(decay[:, :, :, t], drive[:, :, :, t - 1])
        decay[:, :, :, t].mul_(decay[:, :, :, t - 1])
    for c in range(1, steps // size):
        drive[:, :, c].addcmul_(decay[:, :, c], drive[:, :, c - 1, -1:])
    ys = drive.view(p, 4, steps, d) * cs[..., None] + us * skip[:, None]
    back = lambda y: y.view(p, w, h, d).transpose(1, 2).reshape(p, steps, d)
    return ys[:, 0] + ys[:, 2].flip(1) + back(ys[:, 1]) + back(ys[:, 3].flip(1))


def build_cpp(source):
    """Builds a file of operators once (kept in build/)."""
    from torch.utils.cpp_extension import load as build
    name = pathlib.Path(source).stem
    folder = HERE.parents[1] / "build" / ("peers-" + name)
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["PATH"] = os.pathsep.join([str(pathlib.Path(sys.executable).parent), os.environ["PATH"]])     # ninja
    build("earmark_peer_" + name, [str(HERE / source)], build_directory=str(folder), is_python_module=False,
          extra_cflags=["-O3", "-march=native", "-ffast-math", "-fopenmp"])


@functools.cache
def build_cpp_scan():
    """The scan, with the meta kernel that tracing and compiling need."""
    build_cpp("scan.cpp")
    torch.library.register_fake("earmark_peer::scan4")(lambda u, *_: torch.empty_like(u))
    return torch.ops.earmark_peer.scan4


# ---------------------------------------------------------------- the model

class AudioMamba(torch.nn.Module):
    """forward(log-mel [P, T, mels]) -> slots [P, 32, classes] (logits), or [P, 1, classes] with the linear head."""

    def __init__(self, cfg, weights, scan):
        super().__init__()
        self.cfg, self.scan, self.names = cfg, scan, {}
        for name, x in self.prepared(weights).items():
            self.names[name] = name.replace(".", "_")
            self.register_buffer(self.names[name], x)

    def prepared(self, weights):
        """Everything that does not depend on the sound is done once: layouts, -exp, bn0 as one scale and shift."""
        out = {}
        for name, x in weights.items():
            if x.dim() == 4:
                x = x.contiguous(memory_format=torch.channels_last)
            elif name.endswith("A_logs"):
                x = -torch.exp(x.view(4, -1))
            elif name.endswith("Ds"):
                x = x.view(4, -1)
            elif name.endswith("dt_projs_weight"):
                x = x.transpose(1, 2).contiguous()
            elif name.endswith("x_proj_weight"):                      # rows: dt of all directions, then B and C of all
                rank = x.shape[1] - 2
                x = torch.cat([x[:, :rank].flatten(0, 1), x[:, rank:].flatten(0, 1)])
            out[name] = x.contiguous() if x.dim() < 4 else x
        if "bn0.weight" in out:
            scale = out["bn0.weight"] / torch.sqrt(out.pop("bn0.running_var") + 1e-5)
            shift = out.pop("bn0.bias") - out.pop("bn0.running_mean") * scale
            out.update({"bn0.weight": scale, "bn0.shift": shift})
        return out

    def w(self, name):
        return getattr(self, self.names[name])

    def norm(self, x, name):
        return F.layer_norm(x, x.shape[-1:], self.w(name + ".weight"), self.w(name + ".bias"))

    def conv(self, x, name, **how):
        """x [P, H, W, C], convolved without leaving channels-last."""
        bias = self.w(name + ".bias") if name + ".bias" in self.names else None
        return F.conv2d(x.permute(0, 3, 1, 2), self.w(name + ".weight"), bias, **how).permute(0, 2, 3, 1)

    def image(self, x):
        cfg = self.cfg
        if cfg["frontend"] == "kaldi":
            return x.transpose(1, 2)[..., None]
        frames, sound = cfg["frames"], cfg["frames"] // 128 * 125
        scale, shift = self.w("bn0.weight"), self.w("bn0.shift")
        quiet = (shift - 100 * scale).expand(x.shape[0], frames - sound, -1)
        x = torch.cat([torch.addcmul(shift, x[:, :sound], scale), quiet], 1)
        x = x.view(x.shape[0], cfg["fold"], frames // cfg["fold"], cfg["mels"]).transpose(2, 3)
        return x.reshape(x.shape[0], cfg["fold"] * cfg["mels"], frames // cfg["fold"], 1)

    def ss2d(self, x, at):
        p, h, w, _ = x.shape
        u = F.linear(x, self.w(at + "in_proj.weight"))
        inner = u.shape[-1]
        u = F.silu(self.conv(u, at + "conv2d", padding=1, groups=inner)).reshape(p, h * w, inner)
        dt, weight = F.linear(u, self.w(at + "x_proj_weight")), self.w(at + "dt_projs_weight")
        rank = weight.shape[1]
        ranks, bc = dt[..., :4 * rank], dt[..., 4 * rank:]
        raw = torch.matmul(ranks.unflatten(-1, (4, rank)).transpose(1, 2), weight)
        y = self.scan(u, raw, bc.unflatten(-1, (4, 2)), self.w(at + "A_logs"), self.w(at + "Ds"), self.w(at + "dt_projs_bias"), h, w)
        return F.linear(self.norm(y, at + "out_norm"), self.w(at + "out_proj.weight")).view(p, h, w, -1)

    def block(self, x, at):
        x = x + self.ss2d(self.norm(x, at + "norm"), at + "op.")
        y = F.gelu(F.linear(self.norm(x, at + "norm2"), self.w(at + "mlp.fc1.weight"), self.w(at + "mlp.fc1.bias")))
        return x + F.linear(y, self.w(at + "mlp.fc2.weight"), self.w(at + "mlp.fc2.bias"))

    def forward(self, logmel):
        cfg = self.cfg
        x = self.conv(self.image(logmel), "patch_embed.0", stride=2, padding=1)
        x = F.gelu(self.norm(x, "patch_embed.2"))
        x = self.norm(self.conv(x, "patch_embed.5", stride=2, padding=1), "patch_embed.7")
        for i, depth in enumerate(cfg["depths"]):
            for j in range(depth):
                x = self.block(x, f"layers.{i}.blocks.{j}.")
            if i < 3:
                x = self.norm(self.conv(x, f"layers.{i}.downsample.1", stride=2, padding=1), f"layers.{i}.downsample.3")
        x = self.norm(x, "classifier.norm")
        if cfg["head"] == "linear":
            return F.linear(x.mean((1, 2)), self.w("classifier.head.weight"), self.w("classifier.head.bias"))[:, None]
        p, h, w, d = x.shape                                          # rows are fold x bands; time runs through the folds
        x = x.view(p, cfg["fold"], h // cfg["fold"], w, d).transpose(1, 2).reshape(p, h // cfg["fold"], -1, d)
        return self.conv(x, "tscam_conv", padding=(0, 1))[:, 0]


def build(cfg, weights, variant):
    model = AudioMamba(cfg, weights, chunked_scan if variant == "chunked" else build_cpp_scan()).eval()
    shape = (1, 1024, 128) if cfg["frontend"] == "kaldi" else (1, cfg["frames"] // 128 * 125, cfg["mels"])
    example = torch.randn(shape, generator=torch.Generator().manual_seed(1)) * 15 - (0 if cfg["frontend"] == "kaldi" else 45)
    if variant == "cpp-jit":
        model = torch.jit.freeze(torch.jit.trace(model, example))
    elif variant == "compile":
        model = torch.compile(model, mode="max-autotune-no-cudagraphs")
    return model, example


def check(path):
    cfg, weights = load(path)
    name = pathlib.Path(path).stem
    with safe_open(pathlib.Path(path).with_suffix(".io.safetensors"), "pt") as f:
        logmel, want = f.get_tensor(name + ".logmel"), f.get_tensor(name + ".logits")
    for variant in ("cpp", "cpp-jit", "chunked"):
        model, _ = build(cfg, weights, variant)
        rows = [model(x.reshape(1, *x.shape[-2:])) for x in logmel]
        print(json.dumps({"model": name, "variant": variant,
                          "logits_off_by": float((torch.cat(rows).mean(1) - want).abs().max())}), flush=True)


@torch.inference_mode()
def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--preset", choices=PRESETS)
    args.add_argument("--threads", type=int, default=2)
    args.add_argument("--variant", default="cpp", choices=["cpp", "cpp-jit", "compile", "chunked"])
    args.add_argument("--check", metavar="MODEL")
    args = args.parse_args()
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    if args.check:
        return check(args.check)
    if not args.preset:
        sys.exit("torch_audiomamba.py: name a --preset, or a model to --check")
    cfg = PRESETS[args.preset]
    model, example = build(cfg, random_weights(cfg), args.variant)
    measure.row(lambda: torch.sigmoid(model(example).mean(1)), "torch-" + args.variant, args.preset, args.threads, gmac(cfg),
                f"torch {torch.__version__}")


if __name__ == "__main__":
    main()
