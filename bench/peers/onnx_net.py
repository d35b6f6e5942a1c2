"""Convolutional networks with random weights, built layer by layer as ONNX, counted, and timed in ONNX Runtime on the CPU.

Batch norm is folded into the convolutions' biases, as an exporter does. Images are [N, C, rows, cols].
"""
import argparse

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

import measure


class Net:
    """A chain that grows at its end: every method appends to what self.at names, and moves on."""

    def __init__(self, batch, channels, rows, cols):
        self.nodes, self.weights, self.macs, self.params = [], [], 0, 0
        self.shape = self.input_shape = (batch, channels, rows, cols)
        self.at = "input"
        self.rng = np.random.default_rng(0)

    def node(self, op, *inputs, **attributes):
        name = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [name], **attributes))
        self.at = name
        return name

    def weight(self, *shape, scale=None):
        name = f"w{len(self.weights)}"
        fan_in = int(np.prod(shape[1:])) if len(shape) > 1 else 1
        x = self.rng.standard_normal(shape) * (scale if scale is not None else np.sqrt(2 / fan_in))
        self.weights.append(numpy_helper.from_array(x.astype(np.float32), name))
        self.params += int(np.prod(shape))
        return name

    def conv(self, out, kernel, stride=1, groups=1, act=None):
        n, channels, rows, cols = self.shape
        pad = kernel // 2
        rows, cols = (rows + 2 * pad - kernel) // stride + 1, (cols + 2 * pad - kernel) // stride + 1
        self.node("Conv", self.at, self.weight(out, channels // groups, kernel, kernel), self.weight(out, scale=0.1),
                  kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4, group=groups)
        self.shape = (n, out, rows, cols)
        self.macs += out * rows * cols * kernel * kernel * channels // groups
        return self.act(act)

    def act(self, op):
        if op:
            self.node(op, self.at)
        return self.at

    def squeeze_excite(self, inner):
        x, shape = self.at, self.shape
        self.node("GlobalAveragePool", x)
        self.shape = shape[:2] + (1, 1)
        self.conv(inner, 1, act="Relu")
        self.conv(shape[1], 1)
        self.node("HardSigmoid", self.at, alpha=1 / 6, beta=0.5)
        self.node("Mul", x, self.at)
        self.shape = shape

    def pool(self):
        self.node("GlobalAveragePool", self.at)
        self.node("Flatten", self.at)
        self.shape = self.shape[:2]

    def dense(self, out, act=None):
        self.node("Gemm", self.at, self.weight(out, self.shape[1]), self.weight(out, scale=0.1), transB=1)
        self.macs += out * self.shape[1]
        self.shape = (self.shape[0], out)
        return self.act(act)

    def session(self, threads):
        graph = helper.make_graph(
            self.nodes, "net", [helper.make_tensor_value_info("input", TensorProto.FLOAT, self.input_shape)],
            [helper.make_tensor_value_info(self.at, TensorProto.FLOAT, self.shape)], self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(model)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def time_it(net, peer, preset):
    """The command line of a peer: --threads N; prints its line. Input is the log-mel picture, output are scores."""
    args = argparse.ArgumentParser(description=f"{peer}: {preset}")
    args.add_argument("--threads", type=int, default=2)
    threads = args.parse_args().threads
    session = net.session(threads)
    x = {"input": np.random.default_rng(1).standard_normal(net.input_shape).astype(np.float32)}
    assert np.isfinite(session.run(None, x)[0]).all()
    measure.row(lambda: session.run(None, x), peer, f"{preset}, {net.params / 1e6:.2f} M", threads,
                net.macs * net.input_shape[0] / 1e9, f"onnxruntime {onnxruntime.__version__}")
