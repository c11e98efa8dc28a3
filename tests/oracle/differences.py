"""What gate104 and an oracle may disagree on.  Each row is explained in doc/differences.md by the same id."""
import standard

BOTH = ('tshark', 'scapy')
TYPES = {**standard.TYPES, **standard.OLD_TYPES}
NOT_BY_TSHARK = {17, 18, 19, 20, 38, 39, 40, 104, 106, 107, 113, *range(120, 128)}
NO_ELEMENTS = {102}


class Row:
    """It has to occur in the generated corpus with each of its oracles, else it is stale."""
    def __init__(self, ident, oracles, test):
        self.id, self.oracles, self.test = ident, (oracles,) if isinstance(oracles, str) else oracles, test

    def explains(self, d):
        return d.oracle in self.oracles and self.test(d)


def accepts(*reasons):
    return lambda d: d.kind == 'accepts' and d.reason in reasons


def octets_reversed(size):
    return lambda d: d.theirs == int.from_bytes(d.ours.to_bytes(size, 'little'), 'big')


def reversed_field(path, size):
    other = octets_reversed(size)
    return lambda d: d.kind == 'differs' and d.path == path and other(d)


def scd(d):
    """scapy takes the last two octets for the first, and the high octet of each for the low."""
    other = {'SCD.ST': 'SCD.CD', 'SCD.CD': 'SCD.ST'}.get(d.path)
    return bool(other) and d.kind == 'differs' and d.theirs == int.from_bytes(d.field(other).to_bytes(2, 'little'), 'big')


def octets_told(d):
    """Of the APDU, by TypeID, number of objects and length of segment; more than there are if a segment's length is missing."""
    t, at = TYPES[d.type], 12
    if d.fields['sq']:
        return at + 3 + d.count * t.size()
    for _ in range(d.count):
        at += 3 + t.size()
        if 'SEGMENT' in t.elements:
            at += int(d.hex[2 * at - 2:2 * at] or '1', 16)
    return at


def fits(d):
    """Several objects where one is the rule, each of them whole."""
    return accepts('bad-count')(d) and TYPES[d.type].single and d.count > 1 and len(d.hex) // 2 == octets_told(d)


def lacks_octets(d):
    """Of its last object, or of one it only announces."""
    return accepts('short', 'bad-count')(d) and len(d.hex) // 2 < octets_told(d)


def uncounted(d):
    return accepts('short', 'trailing', 'bad-count')(d) and d.type in NOT_BY_TSHARK | NO_ELEMENTS


ROWS = [
    Row('cause', BOTH, accepts('bad-cot', 'wrong-direction')),
    Row('function-direction', BOTH, accepts('direction')),
    Row('pn-and-test', BOTH, accepts('negative-bit', 'test-bit')),
    Row('address', BOTH, accepts('bad-ca', 'bad-ioa')),
    Row('contents', BOTH, accepts('reserved-bit', 'bad-value', 'bad-qualifier', 'bad-time')),
    Row('sq', BOTH, accepts('bad-sq')),
    Row('single-object', BOTH, fits),
    Row('type-of-101', BOTH, lambda d: accepts('bad-type')(d) and d.type in standard.OLD_TYPES),
    Row('bitstring', BOTH, reversed_field('BSI.bits', 4)),
    Row('control-field', BOTH, accepts('bad-s', 'bad-u')),
    Row('length', BOTH, accepts('bad-length')),
    Row('tshark-nr', 'tshark', accepts('bad-i')),
    Row('tshark-raw', 'tshark', lambda d: d.kind == 'raw' and d.type in NOT_BY_TSHARK),
    Row('tshark-uncounted', 'tshark', uncounted),
    Row('tshark-unknown-type', 'tshark', accepts('bad-type', 'secauth')),
    Row('tshark-reserved', 'tshark', lambda d: d.kind == 'missing' and d.path.endswith('.reserved')),
    Row('scapy-packed-points', 'scapy', scd),
    Row('scapy-file-length', 'scapy', reversed_field('LOF.length', 3)),
    Row('tshark-skips', 'tshark', lambda d: d.kind == 'skips'),
    Row('scapy-start', 'scapy', accepts('bad-start')),
    Row('scapy-short', 'scapy', lacks_octets),
    Row('scapy-goes-on', 'scapy', lambda d: d.kind == 'goes-on'),
    Row('scapy-endless', 'scapy', lambda d: d.kind == 'endless'),
    Row('scapy-stream', 'scapy', lambda d: d.split and d.kind in ('refuses', 'unread') and d.fault in ('raw', None)),
]
