"""A network of EfficientAT-mn10's size and shape in ONNX Runtime: MobileNetV3-large at width 1.0 over 128 mels x 1000 frames.

The table is that of the paper (Howard et al., "Searching for MobileNetV3", 2019, table 1), the head 960 -> 1280 -> 527.
Random weights: the speed does not depend on them. 0.54 GMAC and 4.88 M parameters for 10 s of sound.
"""
import onnx_net

# kernel, expanded channels, out, squeeze-excite, activation, stride
TABLE = [
    (3, 16, 16, False, "Relu", 1), (3, 64, 24, False, "Relu", 2), (3, 72, 24, False, "Relu", 1),
    (5, 72, 40, True, "Relu", 2), (5, 120, 40, True, "Relu", 1), (5, 120, 40, True, "Relu", 1),
    (3, 240, 80, False, "HardSwish", 2), (3, 200, 80, False, "HardSwish", 1), (3, 184, 80, False, "HardSwish", 1),
    (3, 184, 80, False, "HardSwish", 1), (3, 480, 112, True, "HardSwish", 1), (3, 672, 112, True, "HardSwish", 1),
    (5, 672, 160, True, "HardSwish", 2), (5, 960, 160, True, "HardSwish", 1), (5, 960, 160, True, "HardSwish", 1),
]


def eighths(n):
    """Rounded to a multiple of 8, never down by more than a tenth."""
    near = max(8, int(n + 4) // 8 * 8)
    return near + 8 if near < 0.9 * n else near


def mn10():
    net = onnx_net.Net(1, 1, 128, 1000)
    net.conv(16, 3, stride=2, act="HardSwish")
    for kernel, wide, out, has_se, act, stride in TABLE:
        before, shape = net.at, net.shape
        if wide != shape[1]:
            net.conv(wide, 1, act=act)
        net.conv(wide, kernel, stride=stride, groups=wide, act=act)
        if has_se:
            net.squeeze_excite(eighths(wide / 4))
        net.conv(out, 1)
        if net.shape == shape:
            net.node("Add", net.at, before)
    net.conv(960, 1, act="HardSwish")
    net.pool()
    net.dense(1280, act="HardSwish")
    net.dense(527, act="Sigmoid")
    return net


if __name__ == "__main__":
    onnx_net.time_it(mn10(), "onnxruntime", "mn10-like, 10 s")
