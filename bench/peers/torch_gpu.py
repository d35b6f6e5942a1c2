"""The same model in PyTorch on a GPU: torch_audiomamba.py's, its scan in PyTorch alone, eager and captured as a CUDA graph.

  torch_gpu.py --preset tiny       JSON lines: log-mel in host memory to scores there, one window, and windows/s at 64
  torch_gpu.py --check MODEL       how far the logits are from the goldens, NAME.io.safetensors beside it
"""
import argparse
import json
import pathlib
import sys
import time
import types

import torch

try:
    import safetensors                          # noqa: F401
except ImportError:                             # a bare machine: the format is a length, JSON, and bytes
    class Opened:
        kinds = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}

        def __init__(self, path, _):
            data = pathlib.Path(path).read_bytes()
            n = int.from_bytes(data[:8], "little")
            self.header, self.data = json.loads(data[8:8 + n]), data[8 + n:]

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def metadata(self):
            return self.header.get("__metadata__", {})

        def keys(self):
            return [k for k in self.header if k != "__metadata__"]

        def get_tensor(self, name):
            t = self.header[name]
            begin, end = t["data_offsets"]
            return torch.frombuffer(bytearray(self.data[begin:end]), dtype=self.kinds[t["dtype"]]).reshape(t["shape"])

    sys.modules["safetensors"] = types.SimpleNamespace(safe_open=Opened)

import torch_audiomamba as peer                 # noqa: E402

WARM, RUNS = 5, 60


def run_of(model, logmel, is_bf16):
    def run(x):
        with torch.autocast("cuda", dtype=torch.bfloat16, enabled=is_bf16):
            return model(x)
    return lambda: torch.sigmoid(run(logmel).float().mean(1))


def captured(run):
    """The strongest fair form: no launch overhead, inputs and outputs at fixed places."""
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        for _ in range(3):
            run()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        out = run()
    return graph, out


def times_of(step, runs):
    for _ in range(WARM):
        step()
    times = []
    for _ in range(runs):
        begin = time.perf_counter()
        step()
        times.append(1e6 * (time.perf_counter() - begin))
    return sorted(times)


def measure(model, cfg, preset, is_bf16, is_captured):
    result = {"what": "peer", "preset": preset,
              "peer": f"torch {torch.__version__}, {'graph' if is_captured else 'eager'}, {'bf16' if is_bf16 else 'tf32'}"}
    for batch in (1, 64):
        host = (torch.randn(batch, cfg["frames"] // 128 * 125, cfg["mels"]) * 10 - 40).pin_memory()
        logmel = host.cuda()
        run = run_of(model, logmel, is_bf16)
        if is_captured:
            graph, out = captured(run)

        def step():
            logmel.copy_(host, non_blocking=True)
            if is_captured:
                graph.replay()
                return out.cpu()
            return run().cpu()

        times = times_of(step, RUNS if batch == 1 else 8)
        if batch == 1:
            result.update(us=times[len(times) // 2], p99_us=times[-1])
        else:
            result.update(per_s=64e6 / times[len(times) // 2])
    print(json.dumps(result), flush=True)


def check(path):
    cfg, weights = peer.load(path)
    model = peer.AudioMamba(cfg, weights, peer.chunked_scan).eval().cuda()
    name = pathlib.Path(path).stem
    with peer.safe_open(pathlib.Path(path).with_suffix(".io.safetensors"), "pt") as f:
        logmel, want = f.get_tensor(name + ".logmel"), f.get_tensor(name + ".logits")
    for is_bf16 in (False, True):
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
        with torch.autocast("cuda", dtype=torch.bfloat16, enabled=is_bf16):
            got = model(logmel.reshape(-1, *logmel.shape[-2:]).cuda()).float().mean(1).cpu()
        print(json.dumps({"what": "check", "model": name, "peer": "torch, " + ("bf16 autocast" if is_bf16 else "fp32"),
                          "logits_off_by": float((got - want.reshape(got.shape)).abs().max())}), flush=True)


@torch.inference_mode()
def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--preset", choices=["tiny", "micro", "nano"])
    args.add_argument("--check", metavar="MODEL")
    args = args.parse_args()
    if args.check:
        return check(args.check)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    cfg = peer.PRESETS[args.preset]
    model = peer.AudioMamba(cfg, peer.random_weights(cfg), peer.chunked_scan).eval().cuda()
    for is_captured in (True, False):
        for is_bf16 in (True, False):
            measure(model, cfg, args.preset, is_bf16, is_captured)


if __name__ == "__main__":
    main()
