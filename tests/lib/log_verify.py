#!/usr/bin/python3
"""A second verifier of session logs, written from doc/log-format.md and not from the C.

    log_verify.py DIR|FILE [--key PUB.pem]... [--seed FILE]... [--anchors FILE]
    log_verify.py --batch        a JSON list of arguments on each line of standard input

Prints one JSON object for each log: state (0 whole, 1 tampered, 2 incomplete, 3
unusable), which is also the exit status, and the place and nature of the first fault.
It holds a whole log in memory and is slow; it is there to disagree.
"""
import calendar
import hashlib
import hmac
import json
import os
import re
import sys
import time

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

OK, TAMPERED, INCOMPLETE, UNUSABLE = range(4)
ZEROS = '0' * 64
NUMBER = r'(0|[1-9][0-9]{0,15})'

FRAME = re.compile(
    r'\{"v":1,"seq":' + NUMBER +
    r',"time":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)","mono_ms":' + NUMBER +
    r',"boot":"([0-9a-f]{8})","from":"([^"\\]{1,31})","event":"([^"\\]{1,47})"'
    r',"severity":"([^"\\]{1,15})"((?:,.*)?),"prev":"([0-9a-f]{64})"\}\n', re.ASCII)

SEAL = re.compile(
    r',"epoch":' + NUMBER +
    r',"why":"(?:interval|start|rotate|reload|stop|on-demand)"'
    r',"first_seq":' + NUMBER + r',"records":' + NUMBER +
    r',"commands":' + NUMBER + r',"refusals":' + NUMBER +
    r',"alarms":' + NUMBER + r',"gaps":' + NUMBER +
    r',"clock":"(?:synchronized|unsynchronized|unknown)","version":"[^"\\]{1,39}"'
    r',"config_sha256":"([0-9a-f]{64})","key":"([0-9a-f]{16})"'
    r',"seal_prev":"([0-9a-f]{64})","mac":"([0-9a-f]{64})","sig":"([0-9a-f]{128})"',
    re.ASCII)


class Fault(Exception):
    """Why, and where: a file, the number of a line in it, the record's number."""

    def __init__(self, state, why, file=None, line=0, seq=0):
        super().__init__(why)
        self.state, self.why, self.file, self.line, self.seq = state, why, file, line, seq


def sha256(octets):
    return hashlib.sha256(octets).hexdigest()


def mac_of(key, octets):
    return hmac.new(key, octets, hashlib.sha256).digest()


def small(text):
    n = int(text)
    return n if n < 2 ** 53 else None


class Record:
    """One line, taken apart; `fault` says what is wrong with its form."""

    def __init__(self, raw, file, line):
        self.raw, self.file, self.line = raw, file, line
        self.seq, self.fault, self.seal = 0, None, None
        self.hash = sha256(raw)
        if len(raw) > 8192:
            self.fault = 'too long'
            return
        try:
            text = raw.decode('ascii')
        except UnicodeDecodeError:
            self.fault = 'not ASCII'
            return
        found = FRAME.fullmatch(text)
        if not found or any(not ' ' <= c <= '~' for c in text[:-1]):
            self.fault = 'no record'
            return
        seq, self.time, mono, self.boot, self.sender, self.event, self.severity, \
            self.body, self.prev = found.groups()
        self.seq, self.mono = small(seq), small(mono)
        if not self.seq or self.mono is None:
            self.seq, self.fault = 0, 'no number'

    def utc(self):
        """Milliseconds since 1970, or None where the calendar has no such time."""
        try:
            parts = time.strptime(self.time[:19], '%Y-%m-%dT%H:%M:%S')
        except ValueError:
            return None
        if parts.tm_sec > 59:
            return None
        return calendar.timegm(parts) * 1000 + int(self.time[20:23])

    def is_log(self, event):
        """A record of the log about itself."""
        return self.event == event and self.sender == 'audit-0'

    def at(self, state, why):
        return Fault(state, why, self.file, self.line, self.seq)

    def member(self, name):
        try:
            return json.loads(self.raw).get(name)
        except ValueError:
            return None


class Seal:
    def __init__(self, record):
        found = SEAL.fullmatch(record.body)
        if not found or record.severity != 'notice':
            raise record.at(TAMPERED, 'no seal')
        numbers = [small(x) for x in found.groups()[:7]]
        if None in numbers or 0 in numbers[:2]:
            raise record.at(TAMPERED, 'no number in the seal')
        self.epoch, self.first, self.records = numbers[:3]
        self.counts = numbers[3:]
        self.config, self.key, self.before, mac, sig = found.groups()[7:]
        self.mac, self.sig = bytes.fromhex(mac), bytes.fromhex(sig)
        text = record.raw
        rest = text[text.rindex(b',"prev":'):]
        self.maced = b'gate104 seal mac 1\n' + text[:text.rindex(b',"mac":"')] + rest
        self.signed = b'gate104 seal sig 1\n' + text[:text.rindex(b',"sig":"')] + rest


class Chain:
    def __init__(self, keys, seeds, anchors):
        self.keys, self.seeds, self.anchors = keys, seeds, anchors
        self.records, self.seals = [], []
        self.trusted = None   # index of the last seal by a key that was given
        self.strange = None   # record of the first seal by another key behind it
        self.unsealed = None  # last record of the first file without seal
        self.counts = [0, 0, 0, 0]
        self.config, self.config_told = None, False
        self.mac_key, self.era = None, None
        self.deleted = False
        self.seen = set()

    # ---- the chain ----

    def link(self, record, after, name_number):
        """`after` is the raw line behind this one, or None."""
        if record.fault:
            raise record.at(TAMPERED, record.fault)
        if name_number not in (None, record.seq):
            raise record.at(TAMPERED, 'another number than in the name of the file')
        if not self.records:
            if (record.seq == 1) != (record.prev == ZEROS):
                raise record.at(TAMPERED, 'the beginning of a chain has number 1 and no hash')
            return
        last = self.records[-1]
        if record.seq != last.seq + 1:
            raise record.at(TAMPERED, 'not the number that follows')
        if record.prev != last.hash:
            if after is not None and after.endswith(b'\n'):
                next_one = Record(after, record.file, record.line + 1)
                if not next_one.fault and next_one.prev == record.hash:
                    raise last.at(TAMPERED, 'changed')
            raise record.at(TAMPERED, 'this one or the one before was changed')

    def clock(self, record):
        utc = record.utc()
        if utc is None:
            raise record.at(TAMPERED, 'no such time')
        if not self.records:
            return
        last = self.records[-1]
        told = record.is_log('system.time-step')
        moved = utc - last.utc()
        if record.boot == last.boot:
            ran = record.mono - last.mono
            if ran < -1000:
                raise record.at(TAMPERED, 'the monotonic clock stepped back')
            if abs(moved - ran) > 1000 and not told:
                raise record.at(TAMPERED, 'the time stepped')
        elif moved < -1000 and not told:
            raise record.at(TAMPERED, 'the time stepped back')

    def files(self, record, file):
        first = (self.records or [record])[0]
        if record.is_log('log.deleted') and first.seq > 1 and \
                record.member('last_seq') == first.seq - 1 and \
                record.member('last_sha256') == first.prev:
            self.deleted = True
        if record.line == 1 and file.before and record.is_log('log.rotated'):
            name = 'gate104-%020d.jsonl' % file.before.first_seq
            if record.member('detail') != name or record.member('size') != file.before.size:
                raise record.at(TAMPERED, 'not the file before')

    # ---- seals ----

    def count(self, record):
        for i, hit in enumerate((record.event == 'op.command',
                                 record.event == 'policy.refused',
                                 record.severity == 'alarm',
                                 record.event == 'log.gap')):
            self.counts[i] += hit
        if record.event in ('system.reload', 'system.start') and \
                record.sender in ('monitor-0', 'audit-0'):
            self.config_told = True

    def place(self, record, seal):
        first = (self.records or [record])[0]
        if self.seals:
            old_record, old = self.seals[-1]
            expected = old.epoch + 1 if seal.key == old.key else 1
            if seal.epoch != expected:
                raise record.at(TAMPERED, 'not the epoch that follows')
            if seal.first != old_record.seq + 1 or seal.before != old_record.hash:
                raise record.at(TAMPERED, 'it does not follow the seal before')
        elif first.seq > 1:
            if seal.first > first.seq:
                raise record.at(TAMPERED, 'the seal it follows is not there')
            if seal.first == first.seq and seal.before != first.prev and \
                    (seal.epoch, seal.before) != (1, ZEROS):
                raise record.at(TAMPERED, 'it does not follow the seal before')
        elif (seal.epoch, seal.first, seal.before) != (1, 1, ZEROS):
            raise record.at(TAMPERED, 'not a first seal')
        if seal.first > record.seq or seal.records != record.seq - seal.first:
            raise record.at(TAMPERED, 'it does not cover what is in front of it')
        if seal.first >= first.seq and seal.counts != self.counts:
            raise record.at(TAMPERED, 'its counters do not fit')

    def maker(self, record, seal):
        new_era = not self.seals or self.seals[-1][1].key != seal.key
        known = seal.key in self.keys
        if known:
            try:
                self.keys[seal.key].verify(seal.sig, seal.signed)
            except InvalidSignature:
                raise record.at(TAMPERED, 'the signature does not fit') from None
        if self.seeds:
            self.check_mac(record, seal, new_era)
        if known:
            self.trusted, self.strange = record, None
        elif self.keys and not self.strange:
            self.strange = record

    def check_mac(self, record, seal, new_era):
        if new_era:
            self.era, self.mac_key = record, None
            for seed in self.seeds:
                key = mac_of(seed, b'gate104 seal first')
                for _ in range(seal.epoch - 1):
                    key = mac_of(key, b'gate104 seal next')
                if mac_of(key, seal.maced) == seal.mac:
                    self.mac_key = key
        elif self.mac_key:
            self.mac_key = mac_of(self.mac_key, b'gate104 seal next')
            if mac_of(self.mac_key, seal.maced) != seal.mac:
                raise record.at(TAMPERED, 'the MAC does not fit')

    def settings(self, record, seal):
        if seal.config != ZEROS:
            if self.config not in (None, seal.config) and not self.config_told:
                raise record.at(TAMPERED, 'another configuration')
            self.config, self.config_told = seal.config, False

    def take(self, record, after, file, name_number):
        self.link(record, after, name_number)
        self.clock(record)
        self.files(record, file)
        if record.is_log('log.seal'):
            seal = Seal(record)
            self.place(record, seal)
            self.maker(record, seal)
            self.settings(record, seal)
            if seal.epoch == 1:
                self.unsealed = None
            self.seals.append((record, seal))
            self.counts = [0, 0, 0, 0]
            file.sealed = True
        else:
            self.count(record)
        self.records.append(record)

    # ---- the end ----

    def missing_anchor(self):
        there = {r.hash for r, _ in self.seals}
        cut = self.records[0].seq > 1 and self.deleted
        gone = []
        for epoch, seq, digest in self.anchors:
            if digest in there:
                continue
            if cut and (seq < self.records[0].seq if seq else
                        self.seals and epoch < self.seals[0][1].epoch):
                continue
            gone.append(epoch)
        return min(gone) if gone else None

    def rewritten(self, epoch):
        known = {digest for _, _, digest in self.anchors}
        for record, seal in reversed(self.seals):
            if seal.epoch == epoch and record.hash not in known:
                return record
        return None

    def end(self, torn):
        if self.seals and self.seeds and not self.mac_key:
            raise self.era.at(TAMPERED, 'the MAC does not fit')
        if self.records:
            epoch = self.missing_anchor()
            if epoch:
                other = self.rewritten(epoch)
                if other:
                    raise other.at(TAMPERED, 'rewritten: not the anchored seal')
                raise Fault(TAMPERED, 'cut: an anchored seal is missing')
            self.end_keys()
            if self.records[0].seq > 1 and not self.deleted:
                raise Fault(INCOMPLETE, 'the first records are missing')
        if torn:
            raise Fault(INCOMPLETE, 'the last line has no end', *torn)
        if not self.records:
            raise Fault(INCOMPLETE, 'no record')

    def end_keys(self):
        if not self.keys and not self.seeds:
            return
        if not self.seals:
            raise Fault(INCOMPLETE, 'no seal')
        if not self.keys:
            return
        if not self.trusted:
            raise self.strange.at(INCOMPLETE, 'no seal by this key')
        if self.strange:
            raise self.strange.at(INCOMPLETE, 'by another key from here on')
        if self.unsealed:
            raise self.unsealed.at(INCOMPLETE, 'a file without seal')


class File:
    def __init__(self, path, before):
        self.path, self.name, self.before = path, os.path.basename(path), before
        self.sealed, self.first_seq, self.size = False, 0, 0
        found = re.fullmatch(r'gate104-(\d{20})\.jsonl', self.name, re.ASCII)
        self.number = int(found.group(1)) if found else None


def paths_of(log):
    if not os.path.isdir(log):
        return [log]
    names = sorted(n for n in os.listdir(log) if re.fullmatch(r'gate104-\d{20}\.jsonl', n))
    names += ['gate104.jsonl'] if os.path.exists(os.path.join(log, 'gate104.jsonl')) else []
    if not names:
        raise Fault(UNUSABLE, 'no log')
    return [os.path.join(log, n) for n in names]


class Recordings:
    """What log.recorded says of the files in recordings/."""

    def __init__(self):
        self.named = {}

    def take(self, record):
        if not record.is_log('log.recorded'):
            return
        name, size, digest = (record.member(k) for k in ('detail', 'size', 'sha256'))
        if not re.fullmatch(r'recordings/[A-Za-z0-9._-]+\.pcapng', str(name), re.ASCII):
            raise record.at(TAMPERED, 'no recording')
        if record.member('why') == 'deleted':
            self.named.pop(name, None)
            return
        if not isinstance(size, int) or not re.fullmatch('[0-9a-f]{64}', str(digest)):
            raise record.at(TAMPERED, 'no recording')
        self.named[name] = (record, size, digest)

    def check(self, folder, before):
        missing = None
        for name, (record, size, digest) in self.named.items():
            path = os.path.join(folder, name)
            if not os.path.lexists(path):
                path += '.open'
            if not os.path.lexists(path):
                missing = missing or record
                continue
            if os.path.islink(path) or not os.path.isfile(path):
                raise record.at(TAMPERED, 'no file')
            with open(path, 'rb') as stream:
                octets = stream.read()
            if len(octets) != size or sha256(octets) != digest:
                raise record.at(TAMPERED, 'the recording was changed')
        if missing and not before:
            raise missing.at(INCOMPLETE, 'the recording is missing')


def walk(chain, log):
    paths, before, torn = paths_of(log), None, None
    recordings = Recordings()
    for path in paths:
        file, torn = File(path, before), None
        with open(path, 'rb') as stream:
            octets = stream.read()
        lines = re.findall(rb'[^\n]*\n|[^\n]+\Z', octets)
        file.size = len(octets)
        for number, raw in enumerate(lines, 1):
            if not raw.endswith(b'\n'):
                torn = (file.name, number)
                break
            record = Record(raw, file.name, number)
            chain.take(record, lines[number] if number < len(lines) else None, file,
                       file.number if number == 1 else None)
            if os.path.isdir(log):
                recordings.take(record)
            file.first_seq = file.first_seq or record.seq
        if path != paths[-1]:
            if torn:
                raise Fault(TAMPERED, 'the file ends within a line', *torn)
            if not file.first_seq:
                raise Fault(TAMPERED, 'an empty file', file.name, 1)
            if not file.sealed and not chain.unsealed:
                chain.unsealed = chain.records[-1]
        before = file
    try:
        chain.end(torn)
    except Fault as fault:
        if fault.state == INCOMPLETE:
            recordings.check(log, fault)
        raise
    recordings.check(log, None)


# ---- what an auditor gives ----

def read_key(path):
    with open(path, 'rb') as stream:
        key = serialization.load_pem_public_key(stream.read())
    if not isinstance(key, Ed25519PublicKey):
        raise Fault(UNUSABLE, 'no Ed25519 key')
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return sha256(raw)[:16], key


def read_seed(path):
    with open(path, encoding='ascii') as stream:
        digits = re.sub(r'[-\s]', '', stream.read()).lower()
    if not re.fullmatch('[0-9a-f]{64}([0-9a-f]{4})?', digits):
        raise Fault(UNUSABLE, 'no seed')
    seed = bytes.fromhex(digits[:64])
    if digits[64:] not in ('', sha256(seed)[:4]):
        raise Fault(UNUSABLE, 'a slip in the seed')
    return seed


def read_anchors(path):
    anchors = []
    with open(path, 'rb') as stream:
        for raw in stream:
            raw = raw.rstrip(b' \r\n')
            found = re.fullmatch(rb'([1-9][0-9]*) ([0-9a-f]{64})', raw)
            if found:
                anchors.append((int(found.group(1)), 0, found.group(2).decode()))
            elif raw.startswith(b'{'):
                record = Record(raw + b'\n', path, 0)
                if record.fault or record.event != 'log.seal':
                    raise Fault(UNUSABLE, 'no anchor')
                anchors.append((Seal(record).epoch, record.seq, record.hash))
            elif raw:
                raise Fault(UNUSABLE, 'no anchor')
    return anchors


def verify(arguments):
    keys, seeds, anchors, log = {}, [], [], None
    words = iter(arguments)
    try:
        for word in words:
            if word == '--key':
                name, key = read_key(next(words))
                keys[name] = key
            elif word == '--seed':
                seeds.append(read_seed(next(words)))
            elif word == '--anchors':
                anchors = read_anchors(next(words))
            else:
                log = word
        walk(Chain(keys, seeds, anchors), log)
    except Fault as f:
        return {'state': f.state, 'why': f.why, 'file': f.file, 'line': f.line, 'seq': f.seq}
    except (OSError, ValueError, TypeError, StopIteration) as e:
        return {'state': UNUSABLE, 'why': repr(e), 'file': None, 'line': 0, 'seq': 0}
    return {'state': OK, 'why': '', 'file': None, 'line': 0, 'seq': 0}


def main():
    if sys.argv[1:] == ['--batch']:
        for line in sys.stdin:
            print(json.dumps(verify(json.loads(line))), flush=True)
        return 0
    verdict = verify(sys.argv[1:])
    print(json.dumps(verdict))
    return verdict['state']


if __name__ == '__main__':
    sys.exit(main())
