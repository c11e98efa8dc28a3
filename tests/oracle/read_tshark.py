"""What tshark says of a capture (PDML), in the words that compare.py compares.

PDML is read line by line: tshark writes one element on each, and a parser of XML would take ten times as long."""
import re

COMMAND = ['tshark', '-n', '-o', 'tcp.check_checksum:FALSE', '-T', 'pdml', '-J', 'iec60870_104 iec60870_asdu _ws.malformed', '-r']
LINE = re.compile(r'<(?:proto|field) name="([^"]*)".*?(?: pos="(\d+)")?(?: show="([^"]*)")?(?: value="([^"]*)")?(?: unmaskedvalue="[^"]*")?/?>$')
NUMBER = re.compile(r'<packet>|num" pos="0" show="(\d+)"')

FUNCTIONS = {0x01: 'STARTDT act', 0x02: 'STARTDT con', 0x04: 'STOPDT act', 0x08: 'STOPDT con', 0x10: 'TESTFR act', 0x20: 'TESTFR con'}
HEADER = {'typeid': 'type_id', 'sq': 'sq', 'numix': 'count', 'causetx': 'cot', 'nega': 'pn', 'test': 'test', 'oa': 'oa', 'addr': 'ca'}
QUALITY = {'ov': 'OV', 'bl': 'BL', 'sb': 'SB', 'nt': 'NT', 'iv': 'IV'}
# tshark's group => element here and its fields; the rest of a field's name is what tshark calls it.
GROUPS = {
    'siq': ('SIQ', {'spi': 'SPI', **QUALITY}), 'diq': ('DIQ', {'dpi': 'DPI', **QUALITY}), 'qds': ('QDS', QUALITY),
    'vti': ('VTI', {'v': 'value', 't': 'T'}), 'qos': ('QOS', {'ql': 'QL', 'se': 'S/E'}), 'sco': ('SCO', {'on': 'SCS', 'qu': 'QU', 'se': 'S/E'}),
    'dco': ('DCO', {'on': 'DCS', 'qu': 'QU', 'se': 'S/E'}), 'rco': ('RCO', {'up': 'RCS', 'qu': 'QU', 'se': 'S/E'}),
    'qpm': ('QPM', {'kpa': 'KPA', 'lpc': 'LPC', 'pop': 'POP'}), 'bcr': ('BCR', {'count': 'count', 'sq': 'SQ', 'cy': 'CY', 'ca': 'CA', 'iv': 'IV'}),
    'cp24time': ('CP24', {'ms': 'time', 'min': 'minute', 'iv': 'IV'}),
    'cp56time': ('CP56', {'ms': 'ms', 'min': 'minute', 'hour': 'hour', 'day': 'day', 'dow': 'day-of-week', 'month': 'month', 'year': 'year',
                          'iv': 'IV', 'su': 'SU', 'gen': 'GEN'}),
}
SINGLE = {'normval': 'NVA.value', 'scalval': 'SVA.value', 'float': 'R32.value', 'bitstring': 'BSI.bits', 'coi_r': 'COI.COI',
          'coi_i': 'COI.changed', 'qoi': 'QOI.QOI', 'rqt': 'QCC.RQT', 'frz': 'QCC.FRZ', 'qrp': 'QRP.QRP'}
WHOLE = {'coi', 'qcc'}  # octets that are shown by their parts, too


def number(text):
    if text in ('True', 'False'):
        return int(text == 'True')
    try:
        return int(text, 0)
    except ValueError:
        return float(text)


class Apdu:
    def __init__(self, start):
        self.start, self.fields, self.fault, self.object, self.frame, self.skipped = start, {}, None, 0, None, False

    def put(self, path, value, pos):
        self.fields[f'{self.object}.{path}'] = value
        self.fields.setdefault(f"{self.object}.{path.split('.')[0]}.at", pos - self.start)

    def take_apci(self, name, show):
        if name == 'type':
            kind = int(show, 0)
            self.frame = 'I' if kind & 1 == 0 else 'S' if kind & 3 == 1 else 'U'
        elif name == 'tx':
            self.fields['ns'] = int(show)
        elif name == 'rx':
            self.fields['nr'] = int(show)
        elif name == 'utype':
            self.fields['function'] = FUNCTIONS.get(int(show, 0) >> (2 if int(show, 0) > 0x3F else 0), show)
        elif name == 'data':
            self.fault = 'no frame'

    def begin(self, pos):
        """What was no frame is passed over."""
        self.skipped, self.fault, self.start = self.fault == 'no frame', None, pos

    def take_asdu(self, name, pos, show, octets):
        group, _, part = name.partition('.')
        if name == 'start':
            self.begin(pos)
        elif name in HEADER:
            self.fields[HEADER[name]] = number(show)
        elif name == 'ioa':
            self.object += 1
            self.fields[f'{self.object}.ioa'] = int(show)
        elif name == 'rawdata':
            self.fields['raw'] = octets
        elif name in SINGLE:
            self.put(SINGLE[name], number(show), pos)
        elif group in GROUPS and part:
            element, parts = GROUPS[group]
            self.put(f'{element}.{parts[part]}', number(show), pos)
        elif group not in GROUPS and name not in WHOLE:
            self.fault = f'unknown field {name}'

    def take(self, name, pos, show, octets):
        layer, _, rest = name.partition('.')
        if layer == 'iec60870_asdu' and rest:
            self.take_asdu(rest, pos, show, octets)
        elif layer == 'iec60870_104' and rest:
            self.take_apci(rest, show)
        elif layer == 'iec104':
            self.fault = self.fault or rest
        elif name == '_ws.malformed':
            self.fault = self.fault or 'malformed'


def take_line(line, apdus):
    m = LINE.search(line)
    if not m or not m[1]:
        return
    name, pos, show, octets = m[1], int(m[2] or 0), m[3], m[4]
    # What is malformed is the ASDU of the APDU before, or else an APDU of its own.
    if name == 'iec60870_104' or (name == '_ws.malformed' and (not apdus or 'IEC 60870-5-104]' in line)):
        apdus.append(Apdu(pos))
    if apdus:
        apdus[-1].take(name, pos, show, octets)


def read(lines):
    """packet => list of APDUs."""
    packets, apdus = {}, None
    for line in lines:
        line = line.strip()
        if line.startswith('<packet>'):
            apdus = []
        elif line.startswith('<field name="num"'):
            packets[int(NUMBER.search(line)[1])] = apdus
        elif line.startswith(('<field name="iec', '<proto name="iec', '<field name="_ws.mal', '<proto name="_ws.mal')):
            take_line(line, apdus)
    return {n: [{'fields': a.fields, 'fault': a.fault, 'frame': a.frame, 'skipped': a.skipped} for a in some]
            for n, some in packets.items() if some}
