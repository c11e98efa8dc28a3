#!/usr/bin/python3
"""Writes captures of generated APDUs, and what each packet of them is.

  corpus.py FOLDER [SEED]

corpus.pcap is for everybody; sweep.pcap is for what the oracles do not judge: every cause and
address of every type, and every octet of the elements.  One connection for each APDU, so that a bad one hides no other.  corpus.index and sweep.index have a line of JSON for each packet:
kind (how it was made), expect (accepted, tolerated or refused), name."""
import json
import random
import struct
import sys

import rules
import standard
from pcap import Writer

MUTANTS = 6  # of each kind and type
OA = [0, 1, 127, 255]
CA = [1, 255, 256, 1234, 65534]
IOA = [1, 255, 256, 65535, 65536, 0x123456, 0xFFFFFF]
NUMBERS = [0, 1, 127, 128, 255, 256, 16384, 32767]
COUNTS = [1, 2, 3, 7, 1, 5, 16, 2]


class Cycle:
    """Gives the values of a list in turn, so that each of them occurs."""
    def __init__(self, values):
        self.values, self.at = list(values), 0

    def next(self):
        self.at += 1
        return self.values[(self.at - 1) % len(self.values)]


class Generator:
    def __init__(self, rng):
        self.rng = rng
        self.cycles = {}
        self.nr, self.ns = Cycle(NUMBERS), Cycle(NUMBERS[3:] + NUMBERS[:2])

    def turn(self, key, values):
        if key not in self.cycles:
            self.cycles[key] = Cycle(values)
        return self.cycles[key].next()

    def noise(self, n):
        return bytes(self.rng.randrange(256) for _ in range(n))

    # What a station sends back as refused shows what was at fault; what it marks as invalid need be nothing.
    def element(self, t, direction, name, before):
        if direction == 'monitor' and name == 'R32' and 'QDS' in t.elements:
            return self.turn((t.id, 'R32/QDS'), standard.LEGAL['R32'] + standard.NOT_A_NUMBER)
        if direction == 'monitor' and name == 'QDS' and before in standard.NOT_A_NUMBER:
            return bytes([self.turn((t.id, 'IV'), standard.LEGAL['QDS'])[0] | 0x80])
        if direction == 'monitor' and name == 'CP16' and t.id != 106 and before[-1] & 8:
            return self.turn((t.id, 'EI'), standard.LEGAL['CP16'] + [b'\x60\xea', b'\xff\xff'])
        if direction == 'monitor' and name == 'CP56':
            return self.turn((t.id, 'time'), standard.TIMES + standard.INVALID_TIMES)
        return self.turn((t.id, direction, name), standard.LEGAL[name])

    def contents(self, t, direction, refused):
        if refused and 'SEGMENT' not in t.elements:
            return self.noise(t.size())
        out, before = b'', b'\0'
        for name in t.elements:
            before = self.element(t, direction, name, before)
            out += before
        return out

    def address(self, t, cause, contents):
        if cause == 47:
            return self.rng.randrange(1 << 24)
        zero = t.address == '0' or (t.address == 'q' and contents[0] == 1)
        return 0 if zero else self.turn((t.id, 'IOA'), IOA + ([0] if t.address == 'f' else []))

    def asdu(self, t, direction, cause, sq, count):
        negative = cause in standard.ANSWERS and self.turn('negative', [0, 1, 1, 0, 0])
        test = direction == 'monitor' and self.turn('test', [0, 0, 1])
        refused = direction == 'monitor' and (negative or cause >= 44)
        broadcast = t.id in standard.BROADCAST and direction == 'control'
        head = struct.pack('<BBBBH', t.id, sq << 7 | count, cause | negative << 6 | test << 7, self.turn('OA', OA),
                           self.turn((t.id, direction, 'CA'), CA + ([65535] if broadcast else [])))
        objects = b''
        for i in range(count):
            contents = self.contents(t, direction, refused)
            ioa = min(self.address(t, cause, contents), 0x1000000 - count) if sq else self.address(t, cause, contents)
            objects += (b'' if sq and i else ioa.to_bytes(3, 'little')) + contents
        return head + objects

    def frame(self, asdu):
        return struct.pack('<BBHH', 0x68, 4 + len(asdu), self.ns.next() << 1, self.nr.next() << 1) + asdu


def most(t, sq):
    """Objects that fit into 249 octets, 104 5.1."""
    return 1 if t.single else min(127, (240 // t.size()) if sq else (243 // (3 + t.size())))


def valid(gen, types):
    """(name, direction, APDU) of every type and cause."""
    for t in types.values():
        for direction, causes in t.causes.items():
            longest = max([len(standard.LEGAL[e]) for e in t.elements] + [8])
            rounds = max(len(causes), longest if t.single else 24) if causes else 0
            for i in range(rounds):
                sq = t.sq[i // 2 % len(t.sq)]
                limit = most(t, sq)
                count = limit if i in (8, 10) else min(limit, COUNTS[i % len(COUNTS)])
                cause = causes[i % len(causes)]
                yield f'{t.id} {direction} cause {cause} SQ {sq} N {count}', direction, gen.frame(gen.asdu(t, direction, cause, sq, count))


def with_length(frame):
    return frame[:1] + bytes([len(frame) - 2 & 255]) + frame[2:]


def put(frame, at, octet):
    return frame[:at] + bytes([octet & 255]) + frame[at + 1:]


def twice(frame):
    """The first object once more, where one object is the rule."""
    return with_length(put(frame, 7, 2) + frame[12:])


def mutations(rng, frame):
    """kind => octets."""
    at, bit = rng.randrange(6, len(frame)), 1 << rng.randrange(8)
    cut = rng.randrange(7, len(frame)) if len(frame) > 7 else 6
    tail = bytes(rng.randrange(256) for _ in range(rng.choice([1, 1, 2, 3, 8])))
    count = rng.choice([n for n in (0, 1, 2, 3, 126, 127, rng.randrange(128)) if n != frame[7] & 127])
    some = bytes(rng.randrange(256) if rng.random() < 0.06 else c for c in frame[6:])
    out = {
        'bit': put(frame, at, frame[at] ^ bit),
        'control-field': put(frame, 2 + at % 4, frame[2 + at % 4] ^ bit),
        'octets': frame[:6] + some,
        'type': put(frame, 6, rng.randrange(256)),
        'cause': put(frame, 8, rng.randrange(256)),
        'header': put(frame, 6 + rng.randrange(6), rng.choice([0, 1, 127, 128, 255])),
        'contents': put(frame, rng.randrange(min(15, len(frame) - 1), len(frame)), rng.choice([0, 1, 2, 4, 8, 60, 127, 128, 255])),
        'address': frame[:12] + rng.choice([0, 0xFFFFFE, 0xFFFFFF]).to_bytes(3, 'little') + frame[15:],
        'short': with_length(frame[:cut]),
        'count': put(frame, 7, frame[7] & 128 | count),
        'sq': put(frame, 7, frame[7] ^ 128),
        'incomplete': frame[:cut],
        'less-than-told': put(frame, 1, frame[1] + rng.randrange(1, 9)) if frame[1] < 245 else frame[:cut],
        'more-than-told': frame + tail,
        'start': put(frame, 0, frame[0] ^ bit),
        'second-start': frame + put(frame, 0, 0x18),
        'noise': bytes(rng.randrange(0x68) for _ in range(rng.randrange(1, 4))) + frame,
        'length': put(frame, 1, rng.choice([0, 1, 3, 254, 255])),
    }
    if len(frame) + len(tail) <= 255:
        out['trailing'] = with_length(frame + tail)
    if standard.TYPES[frame[6]].single and 2 * len(frame) - 12 <= 255:
        out['twice'] = twice(frame)
    return out


def control_frames():
    """S- and U-frames, right and wrong."""
    functions = {0x07: 'control', 0x0B: 'monitor', 0x13: 'control', 0x23: 'monitor', 0x43: 'both', 0x83: 'both'}
    for direction in ('control', 'monitor'):
        for octet in range(3, 256, 4):
            legal = functions.get(octet) in (direction, 'both')
            yield f'U {octet:02x}', direction, 'accepted' if legal else 'refused', bytes([0x68, 4, octet, 0, 0, 0])
        for number in NUMBERS:
            yield f'S {number}', direction, 'accepted', b'\x68\x04\x01\0' + struct.pack('<H', number << 1)
    for octets in ('680443010000', '680443000100', '680443000001', '680443000002', '680401010000', '680405000000', '680481000000',
                   '680401000100', '680501000000' + '00', '680543000000' + '00', '6806010000000000', '680400000000', '680401', '68'):
        yield f'bad {octets}', 'control', 'refused', bytes.fromhex(octets)


def too_long(gen):
    """Sound APDUs of 256 and 257 octets."""
    for ident, sq, count in ((1, 0, 61), (5, 1, 121), (21, 0, 49)):
        asdu = gen.asdu(standard.TYPES[ident], 'monitor', 3, sq, count)
        yield f'{ident} monitor of {len(asdu)} octets', 'monitor', gen.frame(asdu)


def unknown_types(gen):
    """TypeIDs that are not of 104, with contents of several lengths."""
    for ident in set(range(256)) - set(standard.TYPES) - set(standard.OLD_TYPES):
        for n in (0, 1, 5, 14):
            yield f'type {ident} of {n} octets', 'monitor', gen.frame(struct.pack('<BBBBHHB', ident, 1, 3, 0, 1, 1, 0) + gen.noise(n))


class Corpus:
    def __init__(self, path):
        self.capture, self.index, self.connections = Writer(f'{path}.pcap'), open(f'{path}.index', 'w'), 0

    def add(self, name, kind, direction, expect, octets):
        self.capture.begin(self.connections, direction, 1000)
        packet = self.capture.segment(self.connections, direction, 1000, octets)
        self.connections += 1
        self.index.write(json.dumps({'packet': packet, 'kind': kind, 'name': name, 'expect': expect, 'hex': octets.hex()}) + '\n')

    def stream(self, name, direction, frames, cuts):
        """Several APDUs in a connection, cut into segments at these octets."""
        octets = b''.join(frames)
        places = [0, *sorted(cuts), len(octets)]
        self.capture.begin(self.connections, direction, 1000)
        for begin, end in zip(places, places[1:]):
            packet = self.capture.segment(self.connections, direction, 1000 + begin, octets[begin:end])
            self.index.write(json.dumps({'packet': packet, 'kind': 'stream', 'name': name, 'expect': 'accepted',
                                         'hex': octets[begin:end].hex()}) + '\n')
        self.connections += 1

    def close(self):
        self.capture.close()
        self.index.close()


def write_streams(corpus, rng, frames):
    for i in range(40):
        direction = 'monitor' if i % 2 else 'control'
        some = rng.sample(frames[direction], 4)
        some = [f for f in some if len(f) < 120] or some[:1]
        total = sum(map(len, some))
        cuts = [] if i % 4 < 2 else rng.sample(range(1, total), min(total - 1, 1 + i % 5))
        corpus.stream(f'stream {i}', direction, some, cuts)


EDGES = [0, 1, 2, 4, 8, 12, 13, 16, 23, 24, 28, 29, 30, 31, 32, 55, 59, 60, 63, 64, 0x7F, 0x80, 0x8C, 0x9D, 0xAA, 0xE0, 0xEA, 0xFF]


def sweep_causes(gen, t, direction):
    for octet in range(256):
        sq = t.sq[octet & 1 and len(t.sq) - 1]
        frame = gen.frame(gen.asdu(t, direction, octet & 63, sq, 1))
        # The bits in turn, all of them with the causes that know them.
        if octet < 64 or octet & 63 in standard.ANSWERS or octet % 7 == 0:
            yield f'{t.id} {direction} cause octet {octet}', put(frame, 8, octet)


def sweep_addresses(gen, t, direction):
    for cause in t.causes[direction][:1]:
        for field, at, size, values in (('CA', 10, 2, [0, 1, 255, 65534, 65535]), ('IOA', 12, 3, [0, 1, 65535, 65536, 0xFFFFFF])):
            for value in values:
                frame = gen.frame(gen.asdu(t, direction, cause, t.sq[0], 1))
                yield f'{t.id} {direction} {field} {value}', frame[:at] + value.to_bytes(size, 'little') + frame[at + size:]


def sweep_element(gen, t, direction, at, name):
    """Every octet of the element at this place of the contents."""
    causes = t.causes[direction]
    for place in range(at, at + standard.SIZES[name]):
        for octet in range(256) if standard.SIZES[name] == 1 else EDGES:
            # An answer that is no refusal, so that the contents count.
            frame = put(gen.frame(gen.asdu(t, direction, causes[0], t.sq[0], 1)), 8, causes[0])
            if 'SEGMENT' not in t.elements:
                yield f'{t.id} {direction} {name} octet {place - at} is {octet}', put(frame, 15 + place, octet)


def sweep(gen):
    """Frames whose lengths are right, whatever they say."""
    seen = set()
    for t in [*standard.TYPES.values(), *standard.OLD_TYPES.values()]:
        for direction, causes in t.causes.items():
            for name, frame in [*sweep_causes(gen, t, direction), *sweep_addresses(gen, t, direction)]:
                yield name, direction, frame
            at = 0
            for name in t.elements:
                if causes and (name, direction, at == 0) not in seen:
                    seen.add((name, direction, at == 0))
                    for what, frame in sweep_element(gen, t, direction, at, name):
                        yield what, direction, frame
                at += standard.SIZES[name]


def write_corpus(gen, rng, corpus):
    bases, frames = {}, {'control': [], 'monitor': []}
    for name, direction, frame in valid(gen, standard.TYPES):
        corpus.add(name, 'valid', direction, 'accepted', frame)
        frames[direction].append(frame)
        bases.setdefault(frame[6], []).append((name, direction, frame))
    for name, direction, frame in valid(gen, standard.OLD_TYPES):
        corpus.add(name, 'old', direction, 'tolerated', frame)
        if direction == 'monitor':
            corpus.add(name, 'old-reversed', 'control', 'refused', frame)
    for name, direction, expect, octets in control_frames():
        corpus.add(name, 'control', direction, expect, octets)
    for name, direction, octets in unknown_types(gen):
        corpus.add(name, 'type', direction, 'refused', octets)
    for name, direction, octets in too_long(gen):
        corpus.add(name, 'length', direction, 'refused', octets)
    for some in bases.values():
        for _ in range(MUTANTS):
            name, direction, frame = rng.choice(some)
            for kind, octets in mutations(rng, frame).items():
                corpus.add(f'{kind} of {name}', kind, direction, rules.verdict(octets, direction), octets)
    write_streams(corpus, rng, frames)


def main():
    rng = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 104)
    gen = Generator(rng)
    corpus, swept = Corpus(f'{sys.argv[1]}/corpus'), Corpus(f'{sys.argv[1]}/sweep')
    write_corpus(gen, rng, corpus)
    for name, direction, frame in sweep(gen):
        swept.add(name, 'sweep', direction, rules.verdict(frame, direction), frame)
    corpus.close()
    swept.close()


if __name__ == '__main__':
    main()
