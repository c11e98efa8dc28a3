"""Where two readings of the same capture disagree: one of gate104, one of an oracle."""
import collections
import math
import re
import struct

PLACE = re.compile(r'^(\d+)\.')
SOUND = {'accepted', 'tolerated', 'illegal'}  # the octets have a meaning, legal or not
UNKNOWN = {'bad-type', 'secauth'}             # but what that is, gate104 does not know
FIRST_ELEMENT = 2 * (6 + 6 + 3)               # hex digits before it: APCI, header, object address


def single(v):
    try:
        return struct.pack('<f', v)
    except (OverflowError, TypeError, struct.error):
        return None


def same(ours, theirs):
    if isinstance(ours, str) or isinstance(theirs, str) or ours is None or theirs is None:
        return ours == theirs
    if math.isnan(ours) or math.isnan(theirs):
        return math.isnan(ours) and math.isnan(theirs)
    if ours == theirs or math.isinf(ours) or math.isinf(theirs):
        return ours == theirs
    if isinstance(ours, int) and isinstance(theirs, int):
        return False
    # tshark shows six digits of a number.
    return single(ours) == single(theirs) or abs(ours - theirs) <= 1e-5 * abs(ours)


class Disagreement:
    """kind: differs, missing (the oracle does not tell), extra (gate104 does not), raw (octets that are not taken apart), unread
    (no such APDU), refuses, accepts, goes-on (behind the last APDU of gate104), skips
    (octets before it), endless.
    verdict, reason: gate104's; fault: the oracle's.  path: of the field, without the number of the object."""
    def __init__(self, oracle, kind, packet, ours, theirs=None, key='', split=False):
        self.oracle, self.kind, self.packet, self.split = oracle, kind, packet, split
        place = PLACE.match(key)
        self.object, self.path = place[1] if place else '', PLACE.sub('', key)
        self.fields = ours['fields'] if ours else {}
        self.verdict, self.reason, self.hex = (ours['verdict'], ours['reason'], ours['hex']) if ours else ('none', '', '')
        self.type, self.count = self.fields.get('type_id'), self.fields.get('count')
        self.fault = theirs['fault'] if theirs else None
        self.ours, self.theirs = self.fields.get(key), theirs['fields'].get(key) if theirs else None
        if key == 'raw':
            self.ours = self.hex[FIRST_ELEMENT:]

    def field(self, path):
        """Another field of the same object, as gate104 reads it."""
        return self.fields[f'{self.object}.{path}']

    def __str__(self):
        return (f'{self.oracle} {self.kind} {self.path}: ours {self.ours}, theirs {self.theirs}; type {self.type}, {self.verdict} '
                f'{self.reason}, oracle {self.fault}; packet {self.packet}: {self.hex}')


class Comparison:
    """Reads both: packet => list of APDUs.  found: the disagreements; agreed: how often a field was the same."""
    def __init__(self, oracle, payloads):
        self.oracle, self.payloads = oracle, payloads
        self.found, self.agreed, self.apdus = [], collections.Counter(), 0
        self.packet = self.split = None

    def complain(self, kind, ours, theirs=None, key=''):
        self.found.append(Disagreement(self.oracle, kind, self.packet, ours, theirs, key, self.split))

    def field(self, key, ours, theirs):
        mine, its = ours['fields'], theirs['fields']
        if key in mine and key in its:
            if same(mine[key], its[key]):
                self.agreed[PLACE.sub('', key)] += 1
            else:
                self.complain('differs', ours, theirs, key)
        # Places are told by those who can, reserved bits if they are set.
        elif not key.endswith('.at') and not (key.endswith('.reserved') and not mine.get(key) and not its.get(key)):
            self.complain('missing' if key in mine else 'extra', ours, theirs, key)

    def raw(self, ours, theirs):
        """The oracle shows the octets behind the first object address and no more."""
        self.complain('raw', ours, theirs)
        if ours['hex'][FIRST_ELEMENT:] != theirs['fields']['raw']:
            self.complain('differs', ours, theirs, 'raw')
        for key in sorted(theirs['fields'].keys() - {'raw'}):
            self.field(key, ours, theirs)

    def fields(self, ours, theirs):
        self.apdus += 1
        if ours['frame'] != theirs['frame']:
            self.complain('differs', ours, theirs, 'frame')
        if 'raw' in theirs['fields']:
            return self.raw(ours, theirs)
        for key in sorted(ours['fields'].keys() | theirs['fields'].keys()):
            self.field(key, ours, theirs)

    def apdu(self, ours, theirs):
        sound = ours and ours['verdict'] in SOUND and ours['reason'] not in UNKNOWN
        fault = theirs['fault'] if theirs else 'unread'
        if fault == 'endless':
            return self.complain('endless', ours, theirs)
        if fault:
            if sound:
                self.complain('refuses' if theirs else 'unread', ours, theirs)
            return
        if theirs.get('skipped'):
            self.complain('skips', ours, theirs)
        elif not ours:
            self.complain('goes-on', ours, theirs)
        elif ours['verdict'] not in ('accepted', 'tolerated'):
            self.complain('accepts', ours, theirs)
        if sound:
            self.fields(ours, theirs)

    def run(self, ours, theirs):
        for self.packet in sorted(ours.keys() | theirs.keys()):
            mine, its = ours.get(self.packet, []), theirs.get(self.packet, [])
            # An APDU that began in another segment, or ends in one.
            self.split = ''.join(a['hex'] for a in mine) != self.payloads.get(self.packet, b'').hex()
            for i in range(max(len(mine), len(its))):
                self.apdu(mine[i] if i < len(mine) else None, its[i] if i < len(its) else None)
        return self
