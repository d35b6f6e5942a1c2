"""torch_hostile.py - hostile checkpoints: pickles put together opcode by opcode, and archives whose fields contradict each other."""
import struct
import zlib

from torch_zip import DESCRIPTOR, UTF8, archive, entry, local, torch_entries


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


files = []                  # name, bytes, when the fault shows, words that the sentence must say


def hostile(name, words, data, when='open'):
    files.append((name, data, when, words))


def bad_pickle(name, words, body, storages=FOUR, when='open', begin=b'\x80\x02', end=b'.'):
    hostile(name + '.pth', words, archive(torch_entries(begin + body + end, storages)), when)


def beside(thing):
    """A thing beside weights that are right."""
    return b'}(' + text('model') + state(('w', tensor())) + text('other') + thing + b'u'


def make_pickles():
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


def make_archives():
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


def make():
    """All of them, as rows of `files`."""
    make_pickles()
    make_archives()
    return files
