"""What gate104 decode --json says of a capture, in the words that compare.py compares."""
import json
import re

TIME = re.compile(r'(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)\.(\d+)$')
# The types of 101 that oracles know, too.
QUIRKS = ['--quirk', 'cp24-types', '--control-quirk', 'untimed-test', '--control-quirk', 'delay-acquisition']
RENAMED = {'sq': 'sq', 'count': 'count', 'cot_id': 'cot', 'pn': 'pn', 'test': 'test', 'oa': 'oa', 'ca': 'ca', 'type_id': 'type_id',
           'ns': 'ns', 'nr': 'nr', 'function': 'function'}
NO_FIELD = {'element', 'offset', 'hex'}


def time_fields(text):
    if text == 'no bound':
        return dict.fromkeys(('ms', 'minute', 'hour', 'day', 'month', 'year'), 0)
    year, month, day, hour, minute, second, ms = map(int, TIME.match(text).groups())
    return {'ms': 1000 * second + ms, 'minute': minute, 'hour': hour, 'day': day, 'month': month, 'year': year - 2000}


def value(v):
    return int(v) if isinstance(v, bool) else float(v) if v in ('nan', 'inf', '-inf') else v


def element_fields(prefix, element, out):
    name = f"{prefix}.{element['element']}"
    if f'{name}.at' in out:  # the second of two times
        name += '2'
    out[f'{name}.at'] = element['offset']
    for key, v in element.items():
        if key == 'time' and isinstance(v, str):
            out.update({f'{name}.{k}': t for k, t in time_fields(v).items()})
        elif key not in NO_FIELD and not key.endswith('_text'):
            out[f'{name}.{key}'] = value(v)


def fields(apdu):
    out = {RENAMED[k]: value(v) for k, v in apdu.items() if k in RENAMED}
    for i, o in enumerate(apdu.get('objects', []), 1):
        out[f'{i}.ioa'] = o['ioa']
        for element in o['elements']:
            element_fields(i, element, out)
        if 'segment' in o:
            out[f'{i}.segment'] = o['segment']
    return out


def verdict(apdu):
    return 'tolerated' if apdu['verdict'] == 'accepted' and 'tolerated' in apdu else apdu['verdict']


def read(lines):
    """packet => list of APDUs."""
    packets = {}
    for line in lines:
        apdu = json.loads(line)
        packets.setdefault(apdu['packet'], []).append(
            {'fields': fields(apdu), 'verdict': verdict(apdu),
             'reason': apdu.get('reason', ''), 'frame': apdu.get('frame'), 'hex': apdu['hex']})
    return packets
