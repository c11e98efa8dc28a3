#!/usr/bin/python3
"""Writes a sealed log of at least so many MiB, with its keys: make_log.py FOLDER MIB."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../lib'))
from log_forge import Keys, Log, Writer, mac_of  # noqa: E402

# Records from one seal to the next: a minute of a busy gate.
SEAL_EVERY = 2000
BODY = (',"ticket":1,"session":1882434739109889,"route":"rtu-7","direction":"control",'
        '"apdu":"680e04002a002d0106000100e9030001","frame":"I","type":"C_SC_NA_1","type_id":45,'
        '"cot":"activation","pn":false,"test":false,"oa":0,"ca":1,"ioa":1001,"value":1,'
        '"select":false,"verdict":"pass","rule":"feeder breakers",'
        '"subject":"CN=Control room 1,O=Grid","command_seq":4')

folder, octets = sys.argv[1], int(sys.argv[2]) << 20
keys = Keys(1)
log, writer = Log(keys), Writer()
mac_keys = [keys.mac_key(1)]


def mac_key(epoch):
    """Keys.mac_key() counts from the seed each time."""
    while len(mac_keys) < epoch:
        mac_keys.append(mac_of(mac_keys[-1], b'gate104 seal next'))
    return mac_keys[epoch - 1]


keys.mac_key = mac_key
done = 0
with open(os.path.join(folder, 'gate104.jsonl'), 'wb') as out:
    while done < octets:
        log.records = []
        for _ in range(SEAL_EVERY):
            log.add('op.command', body=BODY, ms=30)
        log.seal('interval')
        writer.lines = []
        writer.files = []
        lines = writer.write(log.records)[0][1]
        out.writelines(lines)
        done += sum(len(x) for x in lines)
for name, text in (('seal.pub', keys.pem), ('seed', keys.seed.hex().encode())):
    with open(os.path.join(folder, name), 'wb') as out:
        out.write(text)
