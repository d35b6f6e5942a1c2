"""torch_pickle.py - pickles as torch.save writes them, from Python's own pickler: tensors and storages stand in for PyTorch's."""
import collections
import io
import pickle
import struct
import sys
import types


def module(name, **things):
    m = types.ModuleType(name)
    for key, thing in things.items():
        thing.__module__, thing.__qualname__, thing.__name__ = name, key, key
        setattr(m, key, thing)
    sys.modules[name] = m
    return m


class Size(tuple):
    def __reduce__(self):
        return Size, (tuple(self),)


torch = module('torch', Size=Size, **{t + 'Storage': type(t, (), {}) for t in
                                      ('Float', 'Half', 'BFloat16', 'Double', 'Long', 'Int', 'Short', 'Char', 'Byte', 'Bool')})
utils = module('torch._utils', _rebuild_tensor_v2=lambda *a: None, _rebuild_parameter=lambda *a: None)

FORMATS = {'Float': '<%df', 'Half': '<%de', 'Double': '<%dd', 'Long': '<%dq', 'Byte': '<%dB'}


class Storage:
    def __init__(self, numbers, kind='Float'):
        self.kind, self.numbers = kind, list(numbers)
        if kind == 'BFloat16':
            self.data = b''.join(struct.pack('<f', x)[2:] for x in self.numbers)
        else:
            self.data = struct.pack(FORMATS[kind] % len(self.numbers), *self.numbers)


class Tensor:
    def __init__(self, storage, shape, stride=None, offset=0):
        if stride is None:
            stride, n = [], 1
            for size in reversed(shape):
                stride.insert(0, n)
                n *= size
        self.storage, self.shape, self.stride, self.offset = storage, tuple(shape), tuple(stride), offset

    def __reduce_ex__(self, protocol):
        return utils._rebuild_tensor_v2, (self.storage, self.offset, self.shape, self.stride, False, collections.OrderedDict())

    def numbers(self):
        index = [()]
        for size in self.shape:
            index = [i + (k,) for i in index for k in range(size)]
        return [self.storage.numbers[self.offset + sum(k * s for k, s in zip(i, self.stride))] for i in index]


class Parameter:
    def __init__(self, tensor):
        self.tensor = tensor

    def __reduce_ex__(self, protocol):
        return utils._rebuild_parameter, (self.tensor, True, collections.OrderedDict())


class Pickler(pickle._Pickler):
    def __init__(self, file, protocol):
        super().__init__(file, protocol)
        self.keys = {}

    def persistent_id(self, thing):
        if isinstance(thing, Storage):
            key = self.keys.setdefault(thing, str(len(self.keys)))
            return 'storage', getattr(torch, thing.kind + 'Storage'), key, 'cpu', len(thing.numbers)
        return None


def dump(thing, protocol=2):
    file = io.BytesIO()
    p = Pickler(file, protocol)
    p.dump(thing)
    return file.getvalue(), {key: s.data for s, key in p.keys.items()}
