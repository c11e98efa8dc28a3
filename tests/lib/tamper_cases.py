#!/usr/bin/python3
"""Makes the tampered logs of tests/e2e/tamper.t.

    tamper_cases.py FOLDER

A JSON object on each line of standard output: name, args (of both verifiers), state, and
where the place is certain: file, line.
"""
import json
import os
import random
import sys

from log_forge import CURRENT, Keys, Log, Record, Writer, ZEROS, sample, seals_of, sha256, write

OK, TAMPERED, INCOMPLETE, UNUSABLE = range(4)
TOP = sys.argv[1]
MINE, NEXT, ENEMY = Keys(1), Keys(2), Keys(3)
LOG = sample(MINE)
FILES = Writer().write(LOG.records)   # as the machine wrote it
NAMES = [name for name, _ in FILES]
SEALS = seals_of(FILES)
number = 0


def spill(name, octets):
    path = os.path.join(TOP, name)
    with open(path, 'wb') as out:
        out.write(octets)
    return path


PUB = {k: spill(k + '.pem', v.pem) for k, v in (('mine', MINE), ('next', NEXT), ('enemy', ENEMY))}
SEED = {k: spill(k + '.seed', (v.seed.hex() + '\n').encode())
        for k, v in (('mine', MINE), ('next', NEXT))}
KEY = ['--key', PUB['mine']]
ALL = KEY + ['--seed', SEED['mine']]


def anchors(lines, hashes=False):
    text = b''.join(lines)
    if hashes:
        text = b''.join(b'%d %s\n' % (json.loads(x)['epoch'], sha256(x).encode()) for x in lines)
    return ['--anchors', spill('anchors-%d' % number, text)]


def case(name, files, args, state, place=None, one=None, only=False):
    """`only`: found with these arguments, and not without the last two of them."""
    global number
    number += 1
    folder = os.path.join(TOP, 'log-%04d' % number)
    write(folder, files)
    log = os.path.join(folder, one) if one else folder
    row = {'name': name, 'args': [log] + args, 'state': state}
    if place:
        row['file'], row['line'] = place
    print(json.dumps(row))
    if only:
        print(json.dumps({'name': name + ', not seen with less', 'args': [log] + args[:-2],
                          'state': OK}))


def lines_of(files=FILES):
    return [(name, list(lines)) for name, lines in files]


def where(index, files=FILES):
    """The place of a record, counted from 0 over all files."""
    for name, lines in files:
        if index < len(lines):
            return (name, index + 1)
        index -= len(lines)
    raise IndexError


def find(event, nth=0):
    return [i for i, r in enumerate(LOG.records) if r.event == event][nth]


def rewritten(attacker, change):
    log = LOG.copy()
    change(log.records)
    return Writer(attacker).write(log.records)


# ---- what is whole ----

def whole():
    case('untouched', FILES, [], OK)
    case('with the key', FILES, KEY, OK)
    case('with key, seed and anchors', FILES, ALL + anchors(SEALS), OK)
    case('anchors by their hash', FILES, KEY + anchors(SEALS, True), OK)
    case('with the seed alone', FILES, ['--seed', SEED['mine']], OK)
    case('its first file alone', FILES, KEY, OK, one=NAMES[0])
    case('a later file alone has no beginning', FILES, KEY, INCOMPLETE, one=NAMES[1])
    tail = LOG.copy()
    tail.command(1)
    files = Writer().write(tail.records)
    case('a record behind the last seal', files, ALL, OK)
    files[-1][1][-1] = files[-1][1][-1].replace(b'"ioa":1,', b'"ioa":2,')
    case('which may be changed', files, ALL, OK)
    files[-1][1][-1] = files[-1][1][-1][:-9]
    case('or be torn', files, ALL, INCOMPLETE, (CURRENT, 8))
    case('cut behind a seal, and nobody has an anchor',
         [FILES[0], FILES[1], (CURRENT, FILES[2][1][:4])], ALL, OK)
    clock()
    retention()
    rekey()


def clock():
    boot = LOG.copy()
    boot.boot, boot.mono, boot.utc = 'cafe0001', 100, boot.utc + 10 ** 8
    boot.add('log.opened', sender='audit-0')
    boot.seal('start')
    case('a restart of the machine', Writer().write(boot.records), ALL, OK)
    back = LOG.copy()
    back.boot, back.mono, back.utc = 'cafe0001', 100, back.utc - 10 ** 7
    told = back.copy()
    back.add('log.opened', sender='audit-0')
    back.seal('start')
    case('a restart back in time', Writer().write(back.records), ALL, TAMPERED, (CURRENT, 8))
    told.add('system.time-step', 'warning', 'audit-0')
    told.seal('start')
    case('a restart back in time that is told', Writer().write(told.records), ALL, OK)


def deletion(log, gone):
    octets = b''.join(gone[1])
    first, last = json.loads(gone[1][0])['seq'], json.loads(gone[1][-1])['seq']
    log.add('log.deleted', sender='audit-0',
            body=',"detail":"%s","count":%d,"size":%d,"sha256":"%s","first_seq":%d,"last_seq":%d,'
            '"last_sha256":"%s"' % (gone[0], len(gone[1]), len(octets), sha256(octets), first, last,
                                    sha256(gone[1][-1])))
    log.seal('interval')


def retention():
    log = LOG.copy()
    deletion(log, FILES[0])
    files = Writer().write(log.records)
    case('a deletion that is told', files[1:], ALL, OK)
    case('anchors of the deleted file', files[1:], ALL + anchors(SEALS), OK)
    case('anchors of the deleted file by their hash', files[1:], KEY + anchors(SEALS, True), OK)
    case('more deleted than is told', files[2:], ALL, INCOMPLETE)
    case('deleted, and not told', FILES[1:], ALL, INCOMPLETE)
    other = LOG.copy()
    deletion(other, (NAMES[0], FILES[0][1][:8] + [FILES[0][1][8].replace(b'rotate', b'reload')]))
    case('a deletion of another file', Writer().write(other.records)[1:], ALL, INCOMPLETE)
    late = Log(MINE)
    late.add('log.opened', sender='audit-0')
    late.rotate(seal=False)
    late.command()
    unsealed = Writer().write(late.records)
    deletion(late, unsealed[0])
    late.records[-1].force = {'first': 2, 'records': 3}
    files = Writer().write(late.records)
    case('sealed for the first time behind a deletion', files[1:], ALL, OK)
    late.records[-1].force['epoch'] = 2
    case('which cannot be said of a later epoch', Writer().write(late.records)[1:], ALL, TAMPERED,
         (CURRENT, 4))
    liar = LOG.copy()
    liar.add('log.deleted', sender='gate-0',
             body=',"last_seq":9,"last_sha256":"%s"' % sha256(FILES[0][1][-1]))
    liar.seal('interval')
    case('a gate that says so', Writer().write(liar.records)[1:], ALL, INCOMPLETE)


def rekey():
    log = LOG.copy()
    log.command(1)
    log.seal('start', keys=NEXT)
    log.command(2)
    log.seal('interval', keys=NEXT)
    files = Writer().write(log.records)
    both = ALL + ['--key', PUB['next'], '--seed', SEED['next']]
    case('a new key', files, both, OK)
    case('a new key, of which the old one is not given', files, ['--key', PUB['next']], OK)
    case('the seed of the new key alone', files, ['--seed', SEED['next']], OK)
    case('a new key that is not given', files, KEY, INCOMPLETE, (CURRENT, 9))
    case('the seed of the old key alone', files, ALL, TAMPERED, (CURRENT, 9))
    case('the wrong key', FILES, ['--key', PUB['enemy']], INCOMPLETE, (NAMES[0], 3))
    case('the wrong seed', FILES, KEY + ['--seed', SEED['next']], TAMPERED, (NAMES[0], 3))


# ---- by who has an editor ----

def raw_edits():
    flat = [x for _, lines in FILES for x in lines]
    rng = random.Random(104)
    for i, line in enumerate(flat):
        for at in sorted(rng.sample(range(len(line) - 1), 6)):
            files = lines_of()
            name, k = where(i)
            f = NAMES.index(name)
            files[f][1][k - 1] = line[:at] + bytes([line[at] ^ (1 << rng.randrange(8))]) + line[at + 1:]
            ambiguous = files[f][1][k - 1].count(b'\n') > 1
            case('octet %d of record %d' % (at, i + 1), files, ALL, TAMPERED,
                 None if ambiguous else at_or_behind(i))
    for i in range(len(flat)):
        line_edits(i, flat)


def at_or_behind(i):
    """Record i or, where only one witness is left, the one behind it."""
    places = [where(i)] + ([where(i + 1)] if i + 1 < len(LOG.records) else [])
    return [[p[0] for p in places], [p[1] for p in places]]


def line_edits(i, flat):
    name, k = where(i)
    f = NAMES.index(name)
    last = i + 1 == len(flat)
    final = k == len(FILES[f][1])
    anchor = anchors(SEALS[-1:])
    follows = where(i + 1) if final and not last else (name, k)
    files = lines_of()
    del files[f][1][k - 1]
    case('record %d dropped' % (i + 1), files, ALL + anchor,
         TAMPERED, None if last else follows)
    files = lines_of()
    files[f][1].insert(k - 1, flat[i])
    case('record %d twice' % (i + 1), files, ALL, TAMPERED, (name, k + 1))
    if not final:
        files = lines_of()
        files[f][1][k - 1], files[f][1][k] = files[f][1][k], files[f][1][k - 1]
        case('record %d behind the next' % (i + 1), files, ALL, TAMPERED, (name, k))
    files = lines_of()
    files[f] = (name, files[f][1][:k - 1] + [flat[i][:len(flat[i]) // 2]])
    case('record %d cut in half, and the rest of the file' % (i + 1), files, ALL + anchor,
         TAMPERED, None if f == 2 else (name, k))


def file_edits():
    a, b, c = FILES
    case('two files changed places', [(a[0], b[1]), (b[0], a[1]), c], ALL, TAMPERED, (a[0], 1))
    case('last files changed places', [a, (b[0], c[1]), (c[0], b[1])], ALL, TAMPERED, (b[0], 1))
    case('a file is missing', [a, c], ALL, TAMPERED, (c[0], 1))
    case('a file is empty', [a, (b[0], []), c], ALL, TAMPERED, (b[0], 1))
    case('a file has another name', [a, ('gate104-%020d.jsonl' % 11, b[1]), c], ALL, TAMPERED,
         ('gate104-%020d.jsonl' % 11, 1))
    case('the last file is missing', [a, b], ALL + anchors(SEALS), TAMPERED, only=True)
    case('the tail behind an anchored seal is cut', [a, b, (c[0], c[1][:4])],
         ALL + anchors(SEALS[-1:]), TAMPERED, only=True)
    case('and the anchor is a hash', [a, b, (c[0], c[1][:4])],
         ALL + anchors(SEALS[-1:], True), TAMPERED, only=True)
    case('nothing is left', [(CURRENT, [])], ALL, INCOMPLETE)
    case('no file is left', [], ALL, UNUSABLE)
    other = sample(MINE)
    other.records[3].body = other.records[3].body.replace('1001', '1009')
    d = Writer().write(other.records)
    case('a file of another log', [a, d[1], c], ALL, TAMPERED, at_or_behind(8))


# ---- by who computes the hashes anew, and has no key ----

def another_form():
    """What no JSON parser minds, and no signature is needed to find."""
    for name, old, new in (('one member more', b',"prev":', b',"x":1,"prev":'),
                           ('a blank', b'"epoch":', b'"epoch": '),
                           ('a leading zero', b'"records":', b'"records":0'),
                           ('capitals', b'"mac":"', b'"mac":"A'),
                           ('another word', b'"why":"stop"', b'"why":"halt"'),
                           ('no signature', b'"sig":"', b'"sig":"","gis":"')):
        files = lines_of()
        files[2][1][6] = files[2][1][6].replace(old, new)
        case('a seal with ' + name, files, [], TAMPERED, (CURRENT, 7))


def without_seals():
    log = Log(MINE)
    log.add('log.opened', sender='audit-0')
    log.command()
    log.command()
    files = Writer().write(log.records)
    case('no seal, chain alone', files, [], OK)
    case('no seal', files, KEY, INCOMPLETE)
    case('no seal, with the seed', files, ['--seed', SEED['mine']], INCOMPLETE)
    case('all seals removed', rewritten('hashes', lambda r: r.__setitem__(
        slice(None), [x for x in r if not x.seal])), ALL, INCOMPLETE)
    middle = LOG.copy()
    middle.command()
    middle.rotate(seal=False)
    middle.command()
    middle.rotate(seal=False)
    middle.command()
    middle.seal('stop')
    files = Writer().write(middle.records)
    case('a file without a seal', files, KEY, INCOMPLETE, (files[3][0], 2))


def keep_epochs(records):
    """The attacker leaves in the seals what they say of their epochs."""
    for nth, r in enumerate(x for x in records if x.seal):
        r.force['epoch'] = nth + 1


def removed(i, keep):
    def change(records):
        if keep:
            keep_epochs(records)
        records.pop(i)
    return change


def twice(i):
    def change(records):
        keep_epochs(records)
        records.insert(i, records[i])
    return change


def replaced(i, name):
    def change(records):
        keep_epochs(records)
        records[i].seal['keys'], records[i].was = ENEMY, None
        records[i].force['key'] = name
    return change


def hashes_only():
    first = find('op.command')
    late = find('op.command', 3)

    def change(records):
        records[first].body = records[first].body.replace('1001', '1009')
    case('the chain written anew from a command on', rewritten('hashes', change), KEY, TAMPERED,
         where(6))
    case('which nobody sees without the key', rewritten('hashes', change), [], OK)

    def wholly(records):
        for r in records:
            r.utc += 5
    case('the chain written anew wholly', rewritten('hashes', wholly), KEY, TAMPERED, where(2))
    case('a command removed', rewritten('hashes', lambda r: r.pop(late)), KEY, TAMPERED)
    case('a command added', rewritten('hashes', lambda r: r.insert(late, r[late])), KEY, TAMPERED)
    for nth in range(len(SEALS)):
        i = find('log.seal', nth)
        after = where(find('log.seal', nth + 1) - 1) if nth + 1 < len(SEALS) else None
        name = 'seal %d' % (nth + 1)
        if after:
            case(name + ' removed', rewritten('hashes', removed(i, False)), KEY, TAMPERED)
            case(name + ' removed, the key not needed', rewritten('hashes', removed(i, True)), [],
                 TAMPERED, after if nth not in (3, 6) else None)
        case(name + ' twice', rewritten('hashes', twice(i)), [], TAMPERED)
        case(name + ' by the enemy', rewritten('hashes', replaced(i, ENEMY.name)), KEY,
             INCOMPLETE if not after and nth == 0 else TAMPERED, where(i) if nth else None)
        case(name + ' by the enemy in our name', rewritten('hashes', replaced(i, MINE.name)), KEY,
             TAMPERED, where(i))
    for force, text in (({'epoch': 1}, 'an earlier epoch'), ({'epoch': 9}, 'a later epoch'),
                        ({'first': 1}, 'another beginning'), ({'records': 7}, 'another count'),
                        ({'counts': [9, 0, 0, 0]}, 'other counters'),
                        ({'before': ZEROS}, 'another seal before'),
                        ({'config': sha256(b'other')}, 'another configuration')):
        i = find('log.seal', 4)
        case('a seal of ' + text + ', by who has all keys', rewritten(
            'machine', lambda r, i=i, f=force: r[i].force.update(f)), ALL, TAMPERED, where(i))

    i, before = find('log.seal', 4), find('log.seal', 3)
    case('a seal that covers the seal before, by who has all keys', rewritten(
        'machine', lambda r: r[i].force.update(first=before + 1, records=i - before)), ALL, TAMPERED,
         where(i))

    def all_mine(records):
        for r in records:
            if r.seal:
                r.seal['keys'] = ENEMY
    case('all sealed by the enemy', rewritten('signing', all_mine), KEY, INCOMPLETE, where(2))


# ---- by who has the signing key ----

def signing():
    def change(records):
        records[find('op.command')].body = ',"ioa":1009'
    case('written anew with the signing key', rewritten('signing', change), ALL, TAMPERED,
         where(2), only=True)

    late = LOG.copy()
    late.records[find('op.command', 2)].body = ',"ioa":1009'
    out = Mixed(find('log.seal', 4)).write(late.records)
    case('written anew from a later epoch on', out, ALL, TAMPERED, where(find('log.seal', 4)),
         only=True)
    case('and anchored before', out, KEY + anchors(SEALS[4:5]), TAMPERED,
         where(find('log.seal', 4)), only=True)


class Mixed(Writer):
    """All keys up to a record, from there on no MAC key."""

    def __init__(self, end):
        super().__init__()
        self.last = end

    def sealed(self, r):
        self.attacker = 'machine' if self.seq <= self.last else 'signing'
        return super().sealed(r)


# ---- what a log must tell ----

def untold():
    def step(records):
        i = find('system.time-step')
        records[i].event = 'session.open'
        records[i].severity = 'warning'
    case('time stepped, and no record', rewritten('machine', step), ALL, TAMPERED,
         where(find('system.time-step')))

    def one_more(records):
        for r in records[find('system.time-step') + 1:]:
            r.utc += 5000
    case('time stepped right behind a step that is told', rewritten('machine', one_more), ALL,
         TAMPERED, where(find('system.time-step') + 1))

    def gate_step(records):
        records[find('system.time-step')].sender = 'gate-0'
    case('time stepped, and a gate says so', rewritten('machine', gate_step), ALL, TAMPERED,
         where(find('system.time-step')))
    for by, state in ((900, OK), (1100, TAMPERED), (3000000, TAMPERED)):
        def back(records, by=by):
            for r in records[4:]:
                r.utc -= by
        case('time back by %d ms' % by, rewritten('machine', back), ALL, state,
             where(4) if state else None)
        def forth(records, by=by):
            for r in records[4:]:
                r.utc += by
        case('time forth by %d ms' % by, rewritten('machine', forth), ALL, state,
             where(4) if state else None)
        def mono(records, by=by):
            for r in records[4:]:
                r.utc, r.mono = r.utc - by, r.mono - by
        fine = by <= 1000 + 250
        case('both clocks back by %d ms' % by, rewritten('machine', mono), ALL,
             OK if fine else TAMPERED, None if fine else where(4))

    def reload(records):
        records[find('system.reload')].event = 'system.operator'
    case('another configuration, and no record', rewritten('machine', reload), ALL, TAMPERED,
         where(find('log.seal', 5)))

    def gate_reload(records):
        records[find('system.reload')].sender = 'gate-0'
    case('another configuration, and a gate says so', rewritten('machine', gate_reload), ALL,
         TAMPERED, where(find('log.seal', 5)))

    def lost(records):
        records[find('system.reload')].sender = 'audit-0'
    case('a reload that the log itself tells of', rewritten('machine', lost), ALL, OK)

    def unknown(records):
        records[find('log.seal', 4)].seal['config'] = ZEROS
    case('an unknown configuration between', rewritten('machine', unknown), ALL, OK)
    for force in ({'detail': 'gate104-%020d.jsonl' % 3}, {'size': 5}):
        case('log.rotated with another %s' % list(force)[0], rewritten(
            'machine', lambda r, f=force: r[9].force.update(f)), ALL, TAMPERED, where(9))

    def gate_seal(records):
        records.insert(4, Record('log.seal', sender='gate-0', body=',"why":"start"',
                                 utc=records[4].utc, mono=records[4].mono))
    case('a gate that writes a seal', rewritten('machine', gate_seal), ALL, OK)


for part in (whole, raw_edits, file_edits, another_form, without_seals, hashes_only, signing, untold):
    part()
