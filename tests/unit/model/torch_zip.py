"""torch_zip.py - zip archives as torch.save writes them, put together byte by byte so that any field can lie."""
import struct
import zlib

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
