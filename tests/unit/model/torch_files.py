#!/usr/bin/env python3
"""torch_files.py FOLDER - writes checkpoints as torch.save does, good and hostile ones, with the standard library alone.

FOLDER/good.txt      file, tensor, sizes, numbers       a line each: what a reader must find
FOLDER/hostile.txt   file, when, words                  a line each: what the sentence must say; when it is "read", the
                                                        fault shows only when numbers are read
FOLDER/vmamba.pth    a whole VMamba of ten classes, and vmamba_nan.pth, the same with one weight that is no number

Good pickles come from Python's own pickler, hostile ones are put together opcode by opcode."""
import collections
import io
import os
import pickle
import random
import struct
import sys
import types
import zipfile
import zlib

folder = sys.argv[1]

# ---------------------------------------------------------------- zip archives, byte by byte

DESCRIPTOR, UTF8 = 8, 0x800


def entry(name, data, **lies):
    """What stands in the file for one entry, and what the directory says of it. `lies` replace single fields."""
    e = dict(name=name.encode() if isinstance(name, str) else name, data=data, crc=zlib.crc32(data), size=len(data), packed=None,
             flags=UTF8, method=0, disk=0, extra=b'', offset=None, after=b'', is_written=True, is_listed=True, local_extra=b'')
    e.update(lies)
    for local in ('name', 'crc', 'size', 'flags', 'method'):
        e.setdefault('local_' + local, e[local])
    e['packed'] = e['size'] if e['packed'] is None else e['packed']
    return e


def local(e):
    """An entry as it stands in the file."""
    later = e['local_flags'] & DESCRIPTOR
    said = (0, 0, 0) if later else (e['local_crc'], e['local_size'], e['local_size'])
    out = struct.pack('<4sHHHHHIIIHH', b'PK\3\4', 0, e['local_flags'], e['local_method'], 0, 0, *said, len(e['local_name']),
                      len(e['local_extra'])) + e['local_name'] + e['local_extra'] + e['data']
    return out + (struct.pack('<4sIII', b'PK\7\10', e['crc'], e['size'], e['size']) if later else b'') + e['after']


def listed(e, at):
    """An entry as it stands in the directory."""
    at = at if e['offset'] is None else e['offset']
    return struct.pack('<4sHHHHHHIIIHHHHHII', b'PK\1\2', 0, 0, e['flags'], e['method'], 0, 0, e['crc'], e['packed'], e['size'],
                       len(e['name']), len(e['extra']), 0, e['disk'], 0, 0, at) + e['name'] + e['extra']


def archive(entries, **lies):
    out, directory = b'', b''
    for e in entries:
        directory += listed(e, len(out)) if e['is_listed'] else b''
        out += local(e) if e['is_written'] else b''
    n = sum(e['is_listed'] for e in entries)
    d = dict(n=n, n_all=n, at=len(out), size=len(directory), disk=0, zip64=None, wide={}, locator={})
    d.update(lies)
    wide = {**dict(n=d['n_all'], n_all=d['n_all'], at=d['at'], size=d['size'], record=44), **d['wide']}
    where = {**dict(at=len(out) + len(directory), disks=1), **d['locator']}
    out += directory
    if d['zip64']:
        out += struct.pack('<4sQHHIIQQQQ', b'PK\6\6', wide['record'], 0, 0, 0, 0, wide['n'], wide['n_all'], wide['size'], wide['at'])
        out += struct.pack('<4sIQI', b'PK\6\7', 0, where['at'], where['disks'])
    narrow = (0xffff, 0xffff, 0xffffffff, 0xffffffff) if d['zip64'] == 'only' else (d['n'], d['n_all'], d['size'], d['at'])
    return out + struct.pack('<4sHHHHIIH', b'PK\5\6', d['disk'], 0, *narrow, 0)


def torch_entries(pkl, storages, byteorder=b'little', **lies):
    """The entries of torch.save, with its flags and descriptors."""
    flags = dict(flags=UTF8 | DESCRIPTOR)
    es = [entry('x/data.pkl', pkl, **flags)]
    if byteorder is not None:
        es.append(entry('x/byteorder', byteorder, **flags))
    es += [entry('x/data/%s' % key, data, **flags) for key, data in storages.items()]
    return es + [entry('x/version', b'3\n', **flags)]


# ---------------------------------------------------------------- good pickles, from the real pickler

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


good_lines, hostile_lines = [], []


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


# ---------------------------------------------------------------- hostile ones

def text(s):
    s = s if isinstance(s, bytes) else s.encode()
    return b'X' + struct.pack('<I', len(s)) + s


def number(n):
    return b'J' + struct.pack('<i', n) if -2**31 <= n < 2**31 else b'\x8a\x08' + struct.pack('<q', n)


def numbers(ns):
    return b'(' + b''.join(map(number, ns)) + b't'


ODICT = b'ccollections\nOrderedDict\n)R'


def storage(key='0', n=4, kind=b'torch\nFloatStorage', head='storage'):
    return b'(' + text(head) + b'c' + kind + b'\n' + text(key) + text('cpu') + number(n) + b'tQ'


def tensor(shape=(4,), stride=(1,), offset=0, of=None):
    return (b'ctorch._utils\n_rebuild_tensor_v2\n(' + (of or storage()) + number(offset) + numbers(shape) + numbers(stride) +
            b'\x89' + ODICT + b'tR')


def state(*pairs):
    return b'}(' + b''.join(text(k) + v for k, v in pairs) + b'u'


FOUR = {'0': struct.pack('<4f', 1, 2, 3, 4)}
OK = b'\x80\x02' + state(('w', tensor())) + b'.'


def hostile(name, words, data, when='open'):
    write(name, data)
    hostile_lines.append('\t'.join([name, when, words]))


def bad_pickle(name, words, body, storages=FOUR, when='open', begin=b'\x80\x02', end=b'.'):
    hostile(name + '.pth', words, archive(torch_entries(begin + body + end, storages)), when)


def beside(thing):
    """A thing beside weights that are right."""
    return b'}(' + text('model') + state(('w', tensor())) + text('other') + thing + b'u'


def write_hostile_pickles():
    call = text('touch owned') + b'\x85R'
    bad_pickle('system', 'holds os.system, which is not read', beside(b'cos\nsystem\n' + call))
    bad_pickle('posix', 'holds posix.system', beside(text('posix') + text('system') + b'\x93' + call), begin=b'\x80\x04')
    bad_pickle('eval', 'holds builtins.eval', beside(b'cbuiltins\neval\n' + call))
    bad_pickle('named_only', 'holds builtins.exec', beside(b'cbuiltins\nexec\n'))
    bad_pickle('dropped', 'holds os.system', b'cos\nsystem\n' + call + b'0' + state(('w', tensor())))
    bad_pickle('in_state', 'holds subprocess.Popen', state(('w', b'csubprocess\nPopen\n' + call)))
    bad_pickle('dotted', 'holds torch._utils.os.system', beside(b'ctorch._utils\nos.system\n' + call))
    bad_pickle('config', 'holds yacs.config.CfgNode', beside(b'cyacs.config\nCfgNode\n)\x81'))
    bad_pickle('numpy', 'holds numpy.core.multiarray.scalar', beside(b'cnumpy.core.multiarray\nscalar\n)R'))
    bad_pickle('namespace', 'holds argparse.Namespace', beside(b'cargparse\nNamespace\n)\x81'))
    bad_pickle('escapes', 'holds o?[2Js.system', beside(b'co\x1b[2Js\nsystem\n)R'))
    bad_pickle('long_name', 'holds ' + 'm' * 40, beside(b'c' + b'm' * 5000 + b'\nsystem\n)R'))
    bad_pickle('complex', 'holds torch.ComplexFloatStorage', state(('w', tensor(of=storage(kind=b'torch\nComplexFloatStorage')))))
    bad_pickle('no_line', 'has no end', b'cos', end=b'')
    bad_pickle('stack_global', 'STACK_GLOBAL wants a string', b'NN\x93')
    bad_pickle('opcode', '0xff is not an opcode', b'\xff')
    bad_pickle('newobj', 'opcode NEWOBJ', beside(b'ccollections\nOrderedDict\n)\x81'))
    bad_pickle('inst', 'opcode INST', b'(ios\nsystem\n')
    bad_pickle('ext', 'opcode EXT1', b'\x82\x01')
    bad_pickle('dup', 'opcode DUP', b'}2')
    bad_pickle('set', 'opcode EMPTY_SET', beside(b'\x8f'), begin=b'\x80\x04')
    bad_pickle('buffer', 'opcode NEXT_BUFFER', beside(b'\x97'), begin=b'\x80\x05')
    bad_pickle('reduce_type', 'torch.FloatStorage, which only names a type', beside(b'ctorch\nFloatStorage\n)R'))
    bad_pickle('reduce_dict', 'REDUCE calls a dict', beside(b'})R'))
    bad_pickle('reduce_args', 'with a list', beside(b'ccollections\nOrderedDict\n]R'))
    bad_pickle('odict_args', 'an OrderedDict is made of 1 values', beside(b'ccollections\nOrderedDict\n]\x85R'))
    bad_pickle('size_args', 'a torch.Size is not made of one tuple', beside(b'ctorch\nSize\n]\x85R'))
    bad_pickle('parameter_args', 'a parameter is not made of', beside(b'ctorch._utils\n_rebuild_parameter\nN\x85R'))
    bad_pickle('build', 'BUILD wants a dict', beside(b']}b'))
    bad_pickle('build_state', 'BUILD wants a dict', beside(ODICT + b'Nb'))
    bad_pickle('no_stop', 'ends without a STOP', state(('w', tensor())), end=b'')
    bad_pickle('after_stop', '3 bytes follow the end', state(('w', tensor())), end=b'.cos')
    bad_pickle('two_left', '2 values on its stack', b'}}')
    bad_pickle('empty', 'does not begin with a protocol', b'', begin=b'', end=b'')
    bad_pickle('protocol0', 'does not begin with a protocol', b'(dp0\n', begin=b'')
    bad_pickle('protocol9', 'protocol 9', b'}', begin=b'\x80\x09')
    bad_pickle('underflow', 'takes a value from an empty stack', b'a')
    bad_pickle('below_mark', 'takes a value from an empty stack', b']N(a')
    bad_pickle('no_mark', 'needs a mark', b'}u')
    bad_pickle('memo', 'memo 7 is empty', b'h\x07')
    bad_pickle('memo_far', 'memo 4294967295 is empty', b'j\xff\xff\xff\xff')
    bad_pickle('memo_put', 'memo 4294967295 is out of reach', b'}r\xff\xff\xff\xff')
    bad_pickle('string_long', 'bytes too early', b'X\xff\xff\xff\xff')
    bad_pickle('string_longer', 'bytes too early', b'\x8d' + b'\xff' * 8, begin=b'\x80\x04')
    bad_pickle('bytes_long', 'bytes too early', b'\x8e' + b'\xff' * 7 + b'\x7f', begin=b'\x80\x04')
    bad_pickle('number_cut', 'bytes too early', b'J\1\2', end=b'')
    bad_pickle('frame', 'a frame of 1000000 bytes', b'\x95' + struct.pack('<Q', 1000000) + b'}', begin=b'\x80\x04')
    bad_pickle('long', 'a whole number of 255 bytes', b'\x8a\xff' + b'\1' * 255)
    bad_pickle('long4', 'a whole number of 4294967295 bytes', b'\x8b\xff\xff\xff\xff')
    bad_pickle('not_utf8', 'not UTF-8', text(b'\xc0\xaf'))
    bad_pickle('nul', 'holds a NUL', text(b'a\0b'))
    bad_pickle('list_in_itself', 'a list holds itself', beside(b']q\1h\1a'))
    bad_pickle('dict_in_itself', 'a dict holds itself', b'}q\1' + text('w') + tensor() + b's' + text('me') + b'h\1\x85s')
    bad_pickle('deep_tuple', 'nested more than 64 deep', beside(b')' + b'\x85' * 70))
    bad_pickle('deep_by_memo', 'nested more than 64 deep', beside(b']' + b'\x85' * 40 + b'q\1' + b'\x85' * 10 + b'\x85h\1' + b'\x85' * 40 + b'\x86'))
    bad_pickle('deep_marks', 'nested more than 256 deep', b'(' * 300)
    bad_pickle('many_values', 'more than 1048576 values', b'N0' * (2**20 + 1))
    bad_pickle('many_pushed', 'more than 1048576 values on the stack', b'Nq\0' + b'h\0' * 2**20)
    bad_pickle('many_items', 'more than 4194304 items', b']q\0' + (b'(' + b'N' * 2**19 + b'e') + (b'(' + b'h\0' * 1000000 + b'e') * 4)
    bad_pickle('odd_items', 'a key without a value', b'}(' + text('w') + b'u')
    bad_pickle('list_key', 'a list is the key', b'}]Ns')
    bad_pickle('append_to_dict', 'APPEND wants a list, and there is a dict', b'}Na')
    bad_pickle('set_in_list', 'SETITEM wants a dict, and there is a list', b']NNs')
    bad_pickle('persid_string', 'does not describe a storage', text('0') + b'Q')
    bad_pickle('persid_short', 'does not describe a storage', b'(' + text('storage') + b'tQ')
    bad_pickle('persid_module', 'does not describe a storage', storage(head='module'))
    bad_pickle('persid_class', 'collections.OrderedDict is not the type', storage(kind=b'collections\nOrderedDict'))
    bad_pickle('key_path', 'a name that is no number', storage(key='../../etc/passwd'))
    bad_pickle('key_empty', 'a name that is no number', storage(key=''))
    bad_pickle('key_long', 'a name that is no number', storage(key='1' * 16))
    bad_pickle('storage_negative', 'a size below 0', storage(n=-1))
    bad_pickle('storage_missing', 'storage 1 is missing', state(('w', tensor(of=storage(key='1')))))
    bad_pickle('storage_small', 'storage 0 has 16 bytes, and its 5 numbers', state(('w', tensor(of=storage(n=5)))))
    bad_pickle('storage_large', 'storage 0 has 16 bytes, and its 3 numbers', state(('w', tensor((3,), of=storage(n=3)))))
    bad_pickle('storage_huge', 'storage 0 has 16 bytes', state(('w', tensor(of=storage(n=2**62 + 4)))))
    bad_pickle('storage_odd', 'storage 0 has 15 bytes', state(('w', tensor((3,), of=storage(n=3)))), {'0': b'\0' * 15})
    bad_pickle('beyond', 'reaches number 4 of storage 0, which has 4', state(('w', tensor((5,)))))
    bad_pickle('beyond_offset', 'reaches number 4 of storage 0', state(('w', tensor(offset=1))))
    bad_pickle('beyond_stride', 'reaches number 6 of storage 0', state(('w', tensor(stride=(2,)))))
    bad_pickle('wraps', 'too large to be counted', state(('w', tensor((2**33, 2**33), (1, 1)))))
    bad_pickle('stride_wraps', 'too large to be counted', state(('w', tensor((3, 5), (2**62, 2**62)))))
    bad_pickle('offset_wraps', 'reaches number', state(('w', tensor((4,), offset=2**63 - 1))))
    bad_pickle('expanded', 'elements of a tensor overlap (dimension 0 has stride 0)', state(('w', tensor((1000000000,), (0,)))))
    bad_pickle('windows', 'elements of a tensor overlap (dimension 1 has stride 1)', state(('w', tensor((2, 2), (1, 1)))))
    bad_pickle('size_negative', "a tensor's size 0 is negative", state(('w', tensor((-4,)))))
    bad_pickle('stride_negative', "a tensor's stride 0 is negative", state(('w', tensor(stride=(-1,), offset=3))))
    bad_pickle('offset_negative', 'offset -1', state(('w', tensor(offset=-1))))
    bad_pickle('size_float', "a tensor's size 0 is a float", state(('w', tensor().replace(numbers((4,)), b'G' + b'\0' * 8 + b'\x85', 1))))
    bad_pickle('rank', 'a tensor has 9 dimensions', state(('w', tensor((1,) * 9, (1,) * 9))))
    bad_pickle('strides_missing', '2 sizes, 1 strides', state(('w', tensor((2, 2), (1,)))))
    bad_pickle('tensor_args', 'a tensor is not made of storage', state(('w', b'ctorch._utils\n_rebuild_tensor_v2\n)R')))
    bad_pickle('tensor_of_string', 'a tensor is not made of storage', state(('w', tensor(of=text('0')))))
    bad_pickle('twice', 'tensor w is there twice', state(('w', tensor()), ('w', tensor())))
    bad_pickle('two_states', 'state_dict is there twice', b'}' + (text('state_dict') + state(('w', tensor())) + b's') * 2)
    bad_pickle('name_number', 'a name that is no string', b'}K\1' + tensor() + b's')
    bad_pickle('name_empty', 'a name that is no string', state(('', tensor())))
    bad_pickle('name_long', 'a name that is no string', state(('n' * 513, tensor())))
    bad_pickle('a_list', 'does not hold a dict', b']' + tensor() + b'a')
    bad_pickle('nothing', 'does not hold a dict', b'(t')      # an empty tuple before anything was on the stack
    bad_pickle('a_tensor', 'does not hold a dict', tensor())
    bad_pickle('no_tensors', 'holds no tensors', state(('w', number(3))))
    bad_pickle('nan', 'tensor w: element 2 is not a finite number', state(('w', tensor())), {'0': struct.pack('<4f', 1, 2, float('nan'), 4)}, 'read')
    bad_pickle('infinite', 'tensor w: element 3 is not a finite number', state(('w', tensor((2, 2), (1, 2)))),
               {'0': struct.pack('<4f', 1, 2, 3, float('inf'))}, 'read')
    bad_pickle('too_large', 'tensor w: element 0 is not a finite number', state(('w', tensor((1,), of=storage(n=1, kind=b'torch\nDoubleStorage')))),
               {'0': struct.pack('<d', 1e300)}, 'read')
    bad_pickle('whole', 'tensor w: is I64, weights are', state(('w', tensor((2,), of=storage(n=2, kind=b'torch\nLongStorage')))), FOUR, 'read')


def write_hostile_archives():
    def bad(name, words, entries, when='open', **lies):
        hostile(name + '.pth', words, archive(entries, **lies), when)

    es = torch_entries(OK, FOUR)
    whole = archive(es)

    def with_pickle(**lies):
        return [entry('x/data.pkl', OK, **lies)] + es[1:]

    packed = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = packed.compress(b'\0' * 10000000) + packed.flush()
    bad('bomb', 'is compressed (method 8)', with_pickle() + [entry('x/data/1', bomb, method=8, size=10000000, packed=len(bomb))])
    bad('bzip2', 'is compressed (method 12)', with_pickle(method=12))
    bad('two_sizes', 'has two sizes', with_pickle(packed=3))
    bad('encrypted', 'is encrypted', with_pickle(flags=1))
    for n in (21, 22, 30, len(whole) // 2, len(whole) - 23, len(whole) - 1):
        hostile('cut%d.pth' % n, 'zip archive', whole[:n])
    hostile('tail.pth', 'does not end with its directory', whole + b'\0')
    hostile('comment.pth', 'does not end with its directory', whole[:-2] + b'\3\0abc')
    bad('entry_twice', 'is there twice', es + [entry('x/data.pkl', OK)])
    for i, name in enumerate(('../data.pkl', 'x/../y', '/etc/passwd', 'x//y', 'x\\y', '.', 'x/', '')):
        bad('name%d' % i, 'no plain path', es + [entry(name, b'')])
    bad('name_utf8', 'no plain path', es + [entry(b'\xff\xfe', b'')])
    bad('name_nul', 'no plain path', es + [entry('a\0b', b'')])
    bad('name_513', 'no plain path', es + [entry('n' * 513, b'')])
    bad('local_name', 'no local header of that name', with_pickle(local_name=b'x/data.pkz'))
    bad('local_size', 'contradicts the directory', with_pickle(local_size=3))
    bad('local_crc', 'contradicts the directory', with_pickle(local_crc=3))
    bad('local_flags', 'contradicts the directory', with_pickle(local_flags=UTF8 | 1))
    bad('local_method', 'contradicts the directory', with_pickle(local_method=8))
    bad('local_field', 'contradicts the directory', with_pickle(local_size=0xffffffff))
    inner = entry('x/inner', b'abc')
    outer = entry('x/outer', local(inner))
    place = sum(len(local(e)) for e in es) + 30 + len('x/outer')
    bad('overlap', 'zip entry x/outer: overlaps', es + [outer, {**inner, 'offset': place, 'is_written': False}])
    bad('shared', 'no local header of that name', es + [{**entry('x/copy', OK), 'offset': 0, 'is_written': False}])
    bad('unlisted', 'belong to no entry', [{**es[1], 'is_listed': False}, es[0]] + es[2:])
    bad('unlisted_last', 'belong to no entry', es + [entry('x/hidden', b'', is_listed=False)])
    bad('gap', 'belong to no entry', with_pickle(after=b'hidden'))
    bad('gap_descriptor', 'belong to no entry', with_pickle(flags=UTF8 | DESCRIPTOR, after=b'hidden bytes'))
    bad('outside', 'behind the last entry', with_pickle(offset=0xfffffff0))
    bad('outside_far', 'zip64 field is missing', with_pickle(offset=0xffffffff))
    bad('size_beyond', 'do not fit into the file', with_pickle(size=100000))
    bad('size_field', 'zip64 field is missing', with_pickle(size=0xffffffff))
    far = struct.pack('<HHQQ', 1, 16, 2**63, 2**63)
    bad('size_wide', 'do not fit into the file', with_pickle(size=0xffffffff, extra=far, local_extra=far))
    most = struct.pack('<HHQ', 1, 8, 2**64 - 8)
    bad('offset_wide', 'behind the last entry', with_pickle(offset=0xffffffff, extra=most))
    bad('extra_long', 'zip64 field is missing or cut', with_pickle(extra=b'\1\0\xff\xff'))
    bad('extra_short', 'zip64 field is missing or cut', with_pickle(size=0xffffffff, extra=struct.pack('<HHI', 1, 4, 7)))
    bad('directory_outside', 'does not end where it must', es, at=0xfffffff0)
    bad('directory_short', 'does not end where it must', es, size=10)
    bad('count_more', 'garbled at entry 5', es + [entry('x/' + 'n' * 60, b'')], n=6, n_all=6)
    bad('count_less', 'holds more than the 3 entries', es, n=3, n_all=3)
    bad('count_huge', 'cannot be', es, n=60000, n_all=60000)
    bad('parts', 'one of several parts', es, disk=1)
    bad('parts_count', 'one of several parts', es, n=3)
    bad('zip64_outside', 'lies outside', es, zip64='too', locator=dict(at=2**64 - 1))
    bad('zip64_elsewhere', 'is not where its locator says', es, zip64='too', locator=dict(at=0))
    bad('zip64_length', 'or has another length', es, zip64='too', wide=dict(record=2**64 - 12))
    bad('zip64_parts', 'lies outside', es, zip64='too', locator=dict(disks=2))
    bad('zip64_contradicts', 'contradict each other', es, zip64='too', wide=dict(at=4))
    bad('zip64_wraps', 'does not end where it must', es, zip64='only', wide=dict(at=2**64 - 1, size=2**64 - 1))
    bad('zip64_count', 'cannot be', es, zip64='only', wide=dict(n=2**60, n_all=2**60))
    hostile('damaged.pth', 'zip entry x/data.pkl: is damaged', whole.replace(b'_rebuild_tensor_v2', b'_rebuild_tensor_v3'))
    hostile('damaged_numbers.pth', 'zip entry x/data/0: is damaged', whole.replace(FOUR['0'], struct.pack('<4f', 1, 2, 3, 5)), 'read')
    bad('no_pickle', 'without FOLDER/data.pkl', es[1:])
    bad('deep_pickle', 'without FOLDER/data.pkl', [entry('a/x/data.pkl', OK)])
    bad('two_pickles', 'in more than one folder', es + [entry('y/data.pkl', OK)])
    bad('huge_pickle', 'is too large', [entry('x/data.pkl', b'\0' * (2**24 + 1))])
    bad('big', 'not little-endian', torch_entries(OK, FOUR, byteorder=b'big'))
    bad('byteorder', 'neither little nor big', torch_entries(OK, FOUR, byteorder=b'middle-endian'))
    hostile('old.pth', 'is a bare pickle', b'\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.' + OK)


# ---------------------------------------------------------------- a whole network

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


def main():
    write_good()
    write_hostile_pickles()
    write_hostile_archives()
    state = vmamba()
    write('vmamba.pth', archive(torch_entries(*dump({'model': state, 'epoch': 292})), zip64='too'))
    state['layers.1.blocks.0.op.Ds'].storage = Storage([0.5] * 127 + [float('nan')])
    write('vmamba_nan.pth', archive(torch_entries(*dump({'model': state}))))
    write('good.txt', ''.join(line + '\n' for line in good_lines).encode())
    write('hostile.txt', ''.join(line + '\n' for line in hostile_lines).encode())


main()
