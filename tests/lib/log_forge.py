"""Makes sealed logs of several files (doc/log-format.md), and makes them anew after a
change with as much as an attacker may have: nothing but the hashes, keys of his own, or
the machine's signing key without the MAC keys."""
import copy
import datetime
import hashlib
import hmac
import os

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ZEROS = '0' * 64
CURRENT = 'gate104.jsonl'


def sha256(octets):
    return hashlib.sha256(octets).hexdigest()


def mac_of(key, octets):
    return hmac.new(key, octets, hashlib.sha256).digest()


class Keys:
    """A signing key, and the seed of the MAC keys."""

    def __init__(self, number):
        self.private = Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
        self.seed = bytes([number + 100]) * 32
        public = self.private.public_key()
        raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.name = sha256(raw)[:16]
        self.pem = public.public_bytes(serialization.Encoding.PEM,
                                       serialization.PublicFormat.SubjectPublicKeyInfo)

    def mac_key(self, epoch):
        key = mac_of(self.seed, b'gate104 seal first')
        for _ in range(epoch - 1):
            key = mac_of(key, b'gate104 seal next')
        return key


class Record:
    """What a record says; the numbers and hashes come when the log is written."""

    def __init__(self, event, severity='notice', sender='gate-0', body='', utc=0, mono=0,
                 boot='7d1daca7', seal=None):
        self.event, self.severity, self.sender, self.body = event, severity, sender, body
        self.utc, self.mono, self.boot, self.seal = utc, mono, boot, seal
        self.rotate = None    # True: this is the first record of a new file
        self.force = {}       # members that shall be something else
        self.was = None       # (mac, sig) of an earlier writing, to be kept


class Log:
    """A log that is written as a machine with these keys would."""

    def __init__(self, keys, boot='7d1daca7'):
        self.keys, self.boot = keys, boot
        self.records = []
        self.utc, self.mono = 1795228384009, 3779764
        self.config = sha256(b'first configuration')

    def add(self, event, severity='notice', sender='gate-0', body='', ms=250):
        self.utc, self.mono = self.utc + ms, self.mono + ms
        self.records.append(Record(event, severity, sender, body, self.utc, self.mono, self.boot))
        return self.records[-1]

    def seal(self, why, clock='synchronized', keys=None):
        record = self.add('log.seal', sender='audit-0')
        record.seal = {'why': why, 'clock': clock, 'config': self.config,
                       'keys': keys or self.keys}
        return record

    def rotate(self, seal=True):
        if seal:
            self.seal('rotate')
        self.add('log.rotated', sender='audit-0').rotate = True

    def command(self, ioa=1001):
        self.add('op.command', body=',"ticket":1,"route":"rtu-7","direction":"control",'
                 '"ioa":%d,"verdict":"pass","subject":"CN=M\\\\xC3\\\\xBCller \\"1\\""' % ioa)

    def copy(self):
        return copy.deepcopy(self, {id(self.keys): self.keys})


def stamp(ms):
    t = datetime.datetime.fromtimestamp(ms // 1000, datetime.timezone.utc)
    return '%s.%03dZ' % (t.strftime('%Y-%m-%dT%H:%M:%S'), ms % 1000)


class Writer:
    """Writes records into lines.  `attacker` is what the writer has: 'machine' all keys,
    'hashes' nothing (seals keep what they had), 'signing' no MAC keys."""

    def __init__(self, attacker='machine'):
        self.attacker = attacker
        self.seq, self.prev = 0, ZEROS
        self.seal_prev, self.epoch, self.first, self.key = ZEROS, 0, 1, None
        self.counts = [0, 0, 0, 0]
        self.files, self.lines, self.firsts = [], [], []
        self.name_of_first = 1

    def line(self, r, body):
        return ('{"v":1,"seq":%d,"time":"%s","mono_ms":%d,"boot":"%s","from":"%s",'
                '"event":"%s","severity":"%s"%s,"prev":"%s"}\n' %
                (r.force.get('seq', self.seq), stamp(r.utc), r.mono, r.boot, r.sender, r.event,
                 r.severity, body, self.prev)).encode()

    def sealed(self, r):
        keys = r.seal['keys']
        self.epoch = self.epoch + 1 if self.key in (None, keys.name) else 1
        self.key = keys.name
        f = {'epoch': self.epoch, 'first': self.first, 'records': self.seq - self.first,
             'counts': list(self.counts), 'before': self.seal_prev, 'config': r.seal['config'],
             'key': keys.name}
        f.update(r.force)
        body = ',"epoch":%d,"why":"%s","first_seq":%d,"records":%d' % (
            f['epoch'], r.seal['why'], f['first'], f['records'])
        body += ',"commands":%d,"refusals":%d,"alarms":%d,"gaps":%d' % tuple(f['counts'])
        body += ',"clock":"%s","version":"0.1.0","config_sha256":"%s","key":"%s","seal_prev":"%s"' % (
            r.seal['clock'], f['config'], f['key'], f['before'])
        mac_key = keys.mac_key(f['epoch']) if self.attacker == 'machine' else b'?' * 32
        mac = mac_of(mac_key, b'gate104 seal mac 1\n' + self.line(r, body)).hex()
        if self.attacker == 'hashes' and r.was:
            mac = r.was[0]
        body += ',"mac":"%s"' % mac
        sig = keys.private.sign(b'gate104 seal sig 1\n' + self.line(r, body)).hex()
        if self.attacker == 'hashes' and r.was:
            sig = r.was[1]
        r.was = r.was or (mac, sig)
        line = self.line(r, body + ',"sig":"%s"' % sig)
        self.seal_prev, self.first, self.counts = sha256(line), self.seq + 1, [0, 0, 0, 0]
        return line

    def rotated(self, r):
        old = b''.join(self.lines)
        name = 'gate104-%020d.jsonl' % self.name_of_first
        r.body = ',"detail":"%s","size":%d,"sha256":"%s"' % (
            r.force.get('detail', name), r.force.get('size', len(old)), sha256(old))
        self.files.append((name, self.lines))
        self.lines, self.name_of_first = [], self.seq

    def count(self, r):
        self.counts[0] += r.event == 'op.command'
        self.counts[1] += r.event == 'policy.refused'
        self.counts[2] += r.severity == 'alarm'
        self.counts[3] += r.event == 'log.gap'

    def write(self, records):
        for r in records:
            self.seq += 1
            if r.rotate:
                self.rotated(r)
            if r.seal:
                line = self.sealed(r)
            else:
                line = self.line(r, r.body)
                self.count(r)
            self.prev = sha256(line)
            self.lines.append(line)
        self.files.append((CURRENT, self.lines))
        return self.files


def sample(keys):
    """Three files: 9, 9 and 7 records, nine seals."""
    log = Log(keys)
    log.add('log.opened', sender='audit-0', body=',"detail":"a chain begins","version":"0.1.0"')
    log.add('system.start', sender='monitor-0', body=',"config_sha256":"%s"' % log.config)
    log.seal('start')
    log.command()
    log.add('policy.refused', 'warning', body=',"route":"rtu-7","verdict":"refuse"')
    log.add('tls.handshake-failed', 'alarm', 'gate-1', ',"why":"expired"')
    log.seal('interval')
    log.seal('interval', 'unsynchronized')
    log.rotate()
    log.command(1002)
    log.utc += 90000
    log.add('system.time-step', 'warning', 'audit-0', ',"detail":"forward by 90000 ms"')
    log.command(1003)
    log.seal('interval')
    log.config = sha256(b'second configuration')
    log.add('system.reload', sender='monitor-0', body=',"config_sha256":"%s"' % log.config)
    log.seal('reload')
    log.add('log.gap', 'alarm', 'audit-0', ',"count":3')
    log.rotate()
    log.command(1004)
    log.command(1005)
    log.seal('on-demand', 'unknown')
    log.add('session.close', body=',"why":"master"')
    log.add('log.closed', sender='audit-0')
    log.seal('stop')
    return log


def write(folder, files):
    os.makedirs(folder, exist_ok=True)
    for name, lines in files:
        with open(os.path.join(folder, name), 'wb') as out:
            out.write(b''.join(lines))


def seals_of(files):
    return [x for _, lines in files for x in lines if b'"event":"log.seal"' in x]
