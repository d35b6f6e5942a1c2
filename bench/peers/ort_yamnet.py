"""A network of YAMNet's size and shape in ONNX Runtime: MobileNetV1 over patches of 96 frames x 64 mels.

A patch is 0.96 s, the next begins 0.48 s later: 10 s of sound are 19 patches, run here as one batch. Random weights: the
speed does not depend on them. 69 MMAC a patch, 3.7 M parameters.
"""
import onnx_net

PATCHES = 19


def yamnet():
    net = onnx_net.Net(PATCHES, 1, 96, 64)
    net.conv(32, 3, stride=2, act="Relu")
    for out, stride in [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)] + 5 * [(512, 1)] + [(1024, 2), (1024, 1)]:
        net.conv(net.shape[1], 3, stride=stride, groups=net.shape[1], act="Relu")
        net.conv(out, 1, act="Relu")
    net.pool()
    net.dense(521, act="Sigmoid")
    return net


if __name__ == "__main__":
    onnx_net.time_it(yamnet(), "onnxruntime", "yamnet-like, 10 s")
