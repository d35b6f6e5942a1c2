#!/usr/bin/env python3
"""torch_files.py FOLDER - writes checkpoints as torch.save does, good and hostile ones, with the standard library alone.

FOLDER/good.txt      file, tensor, sizes, numbers       a line each: what a reader must find
FOLDER/hostile.txt   file, when, words                  a line each: what the sentence must say; when it is "read", the
                                                        fault shows only when numbers are read
FOLDER/vmamba.pth    a whole VMamba of ten classes, and vmamba_nan.pth, the same with one weight that is no number

Good pickles come from Python's own pickler (torch_pickle.py), hostile ones are put together opcode by opcode (torch_hostile.py)."""
import collections
import io
import os
import random
import struct
import sys
import zipfile

import torch_hostile
from torch_pickle import Parameter, Size, Storage, Tensor, dump
from torch_zip import archive, entry, torch_entries

folder = sys.argv[1]
good_lines = []


def write(name, data):
    with open(os.path.join(folder, name), 'wb') as f:
        f.write(data)


def good(name, data, tensors):
    write(name, data)
    for key, t in tensors.items():
        t = t.tensor if isinstance(t, Parameter) else t
        good_lines.append('\t'.join([name, key, ' '.join(map(str, t.shape)), ' '.join('%.9g' % x for x in t.numbers())]))


def plain():
    w = Storage(range(6))
    return {'a.weight': Tensor(w, (2, 3)), 'a.bias': Tensor(Storage([1.5, -2.25]), (2,)), 'shares': Tensor(w, (3,), offset=3)}


def write_good():
    for protocol in (2, 3, 4, 5):
        good('protocol%d.pth' % protocol, archive(torch_entries(*dump(plain(), protocol)), zip64='too'), plain())
    small = [0.5, -1.25, 3, 0.0078125]
    kinds = {k: Tensor(Storage(small, k), (2, 2)) for k in ('Float', 'Half', 'BFloat16', 'Double')}
    good('kinds.pth', archive(torch_entries(*dump(kinds))), kinds)
    grid, large = Storage(range(24)), Storage([k % 1000 for k in range(60000)])
    views = {'transposed': Tensor(grid, (3, 2), (1, 3)), 'column': Tensor(grid, (6,), (4,), 1), 'part': Tensor(grid, (2, 3), (6, 1), 2),
             'channels_last': Tensor(grid, (2, 3, 2, 2), (12, 1, 6, 3)), 'ones': Tensor(grid, (1, 4, 1), (99, 5, 0), 3),
             'scalar': Tensor(grid, (), (), 7), 'none': Tensor(grid, (0, 3), (3, 1)), 'none_at_end': Tensor(grid, (0,), (1,), 24),
             'two_chunks': Tensor(large, (200, 300), (1, 200)), 'every_other': Tensor(large, (30000,), (2,), 1)}
    good('views.pth', archive(torch_entries(*dump(views))), views)
    state = collections.OrderedDict(plain())
    state._metadata = collections.OrderedDict({'': {'version': 1}})
    beside = {'epoch': 3, 'global_step': 123456789012, 'best': 0.471, 'no': None, 'yes': True, 'loops': [1, [2, (3, -4, -5000000000)]],
              'name': 'h\u00f6ren', 'optimizer': [{'state': {0: {'exp_avg': Tensor(Storage([9.0]), (1,))}}, 'lr': 1e-3}],
              'size': Size((2, 3))}
    good('lightning2.ckpt', archive(torch_entries(*dump({**beside, 'state_dict': state}))), plain())
    with_bytes = {'raw': b'\0\xff', **beside, 'state_dict': state}     # protocol 2 has none and calls a function instead
    good('lightning4.ckpt', archive(torch_entries(*dump(with_bytes, 4))), plain())
    good('model.pth', archive(torch_entries(*dump({'model': plain(), **beside}))), plain())
    parameters = {k: Parameter(t) for k, t in plain().items()}
    good('parameters.pth', archive(torch_entries(*dump(parameters))), parameters)
    pkl, storages = dump(plain())
    good('older.pth', archive(torch_entries(pkl, storages, byteorder=None)), plain())
    good('zip64.pth', archive(torch_entries(pkl, storages), zip64='only'), plain())
    # Sizes that stand in zip64 fields although they are small, as writers to a pipe do.
    field = struct.pack('<HHQQ', 1, 16, len(pkl), len(pkl))
    wide = [entry('x/data.pkl', pkl, size=0xffffffff, local_extra=field, extra=field)]
    good('wide.pth', archive(wide + torch_entries(pkl, storages)[1:]), plain())
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w') as z:
        for e in torch_entries(pkl, storages):
            z.writestr(e['name'].decode(), e['data'])
    good('zipfile.pth', file.getvalue(), plain())


def write_hostile():
    lines = []
    for name, data, when, words in torch_hostile.make():
        write(name, data)
        lines.append('\t'.join([name, when, words]))
    return lines


def vmamba():
    """VMamba's first generation, eight channels wide, ten classes, under the names of its authors."""
    rng, n_states = random.Random(5), 2
    out = collections.OrderedDict()

    def add(name, *shape):
        n = 1
        for size in shape:
            n *= size
        out[name] = Tensor(Storage([rng.uniform(-0.5, 0.5) for _ in range(n)]), shape)

    def norm(name, n):
        add(name + '.weight', n)
        add(name + '.bias', n)

    add('patch_embed.0.weight', 8, 3, 4, 4)
    add('patch_embed.0.bias', 8)
    norm('patch_embed.2', 8)
    for i, d in enumerate((8, 16, 32, 64)):
        b, di, rank = 'layers.%d.blocks.0.' % i, 2 * d, (d + 15) // 16
        norm(b + 'norm', d)
        add(b + 'op.in_proj.weight', 2 * di, d)
        add(b + 'op.conv2d.weight', di, 1, 3, 3)
        add(b + 'op.conv2d.bias', di)
        add(b + 'op.x_proj_weight', 4, rank + 2 * n_states, di)
        add(b + 'op.dt_projs_weight', 4, di, rank)
        add(b + 'op.dt_projs_bias', 4, di)
        add(b + 'op.A_logs', 4 * di, n_states)
        add(b + 'op.Ds', 4 * di)
        norm(b + 'op.out_norm', di)
        add(b + 'op.out_proj.weight', d, di)
        if i < 3:
            norm('layers.%d.downsample.norm' % i, 4 * d)
            add('layers.%d.downsample.reduction.weight' % i, 2 * d, 4 * d)
    norm('classifier.norm', 64)
    add('classifier.head.weight', 10, 64)
    add('classifier.head.bias', 10)
    return out


def write_lines(name, lines):
    write(name, ''.join(line + '\n' for line in lines).encode())


def main():
    write_good()
    write_lines('good.txt', good_lines)
    write_lines('hostile.txt', write_hostile())
    state = vmamba()
    write('vmamba.pth', archive(torch_entries(*dump({'model': state, 'epoch': 292})), zip64='too'))
    state['layers.1.blocks.0.op.Ds'].storage = Storage([0.5] * 127 + [float('nan')])
    write('vmamba_nan.pth', archive(torch_entries(*dump({'model': state}))))


main()
