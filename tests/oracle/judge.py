#!/usr/bin/python3
"""Has a capture read by gate104 decode, tshark and scapy, and says as JSON where they disagree.

  judge.py GATE104 CAPTURE [INDEX] [--per-packet] [--alone]

INDEX is what corpus.py wrote of the capture.  --per-packet: its TCP numbers are not what they should be.
--alone: only what gate104 makes of it, and what INDEX expects."""
import collections
import json
import os
import signal
import subprocess
import sys
import tempfile

import compare
import differences
import read_decode
import read_tshark
from pcap import payloads

SHOWN = 8  # of each list
PACKETS_ALONE = ['-o', 'tcp.desegment_tcp_streams:FALSE', '-o', 'tcp.analyze_sequence_numbers:FALSE']


def start(command, out):
    return subprocess.Popen(command, stdout=out, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)


def ended(child, statuses):
    errors = child.stderr.read()
    if child.wait() not in statuses:
        sys.exit(f'{child.args[0]}: status {child.returncode}: {errors}')


def decode_of(gate104, capture, per_packet):
    command = [gate104, 'decode', '--json', *read_decode.QUIRKS, *(['--per-packet'] if per_packet else []), '--pcap', capture]
    decode = start(command, subprocess.PIPE)
    try:
        packets = read_decode.read(decode.stdout)
        ended(decode, (0, 1))
    finally:
        decode.kill()
    return packets


def oracles_of(capture, per_packet):
    """{oracle: packet => APDUs}"""
    here = os.path.dirname(os.path.abspath(__file__))
    with tempfile.TemporaryFile('w+') as lines:
        scapy = start([sys.executable, '-B', f'{here}/read_scapy.py', capture], lines)
        tshark = start([*read_tshark.COMMAND, capture, *(PACKETS_ALONE if per_packet else [])], subprocess.PIPE)
        try:
            packets = read_tshark.read(tshark.stdout)
            ended(tshark, (0,))
            ended(scapy, (0,))
        finally:
            tshark.kill()
            scapy.kill()
        lines.seek(0)
        return {'tshark': packets, 'scapy': {j['packet']: j['apdus'] for j in map(json.loads, lines)}}


def is_as_expected(expect, verdicts, kind):
    if kind == 'stream':
        return set(verdicts) <= {expect}
    if expect == 'refused':
        return not verdicts or not set(verdicts) <= {'accepted', 'tolerated'}
    return bool(verdicts) and set(verdicts) == {expect}


def judge_expectations(index, ours):
    """What corpus.py knows of each packet, by the standard and without an oracle."""
    kinds, wrong = collections.Counter(), []
    with open(index) as lines:
        for row in map(json.loads, lines):
            verdicts = [a['verdict'] for a in ours.get(row['packet'], [])]
            kinds[row['kind']] += 1
            if not is_as_expected(row['expect'], verdicts, row['kind']):
                reasons = [a['reason'] for a in ours.get(row['packet'], [])]
                wrong.append(f"{row['kind']} {row['name']}: expected {row['expect']}, got {verdicts} {reasons}: {row['hex']}")
    return {'kinds': kinds, 'unexpected': len(wrong), 'unexpected_some': wrong[:SHOWN]}


def judge_oracle(comparison, rows):
    unexplained = []
    for d in comparison.found:
        row = next((r for r in differences.ROWS if r.explains(d)), None)
        if row:
            rows[row.id][d.oracle] += 1
        else:
            unexplained.append(str(d))
    return {'apdus': comparison.apdus, 'fields': sum(comparison.agreed.values()), 'unexplained': len(unexplained),
            'unexplained_some': unexplained[:SHOWN]}


def judge_oracles(capture, ours, per_packet):
    octets = {packet: payload for packet, _, payload in payloads(capture)}
    rows = {r.id: {oracle: 0 for oracle in r.oracles} for r in differences.ROWS}
    out, agreed = {'rows': rows}, collections.Counter()
    for oracle, reading in oracles_of(capture, per_packet).items():
        comparison = compare.Comparison(oracle, octets).run(ours, reading)
        out[oracle] = judge_oracle(comparison, rows)
        agreed += comparison.agreed
    told = {compare.PLACE.sub('', k) for some in ours.values() for a in some if a['verdict'] == 'accepted' for k in a['fields']}
    # Fields that no oracle has ever read as gate104 does.
    out['alone'] = sorted(k for k in told if not agreed[k] and not k.endswith('.at'))
    return out


def main():
    options = [a for a in sys.argv[1:] if a.startswith('--')]
    gate104, capture, *index = [a for a in sys.argv[1:] if a not in options]
    ours = decode_of(gate104, capture, '--per-packet' in options)
    out = {'verdicts': collections.Counter(a['verdict'] for some in ours.values() for a in some),
           'types': len({a['fields'].get('type_id') for some in ours.values() for a in some if a['verdict'] == 'accepted'} - {None})}
    if '--alone' not in options:
        out.update(judge_oracles(capture, ours, '--per-packet' in options))
    if index:
        out.update(judge_expectations(index[0], ours))
    print(json.dumps(out))


if __name__ == '__main__':
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    main()
