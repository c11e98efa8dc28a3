#!/usr/bin/python3
"""What scapy says of a capture, a line of JSON for each packet, in the words that compare.py compares.

  read_scapy.py CAPTURE > LINES"""
import json
import logging
import sys

logging.getLogger('scapy').setLevel(logging.CRITICAL)
import scapy.contrib.scada.iec104 as iec104  # noqa: E402
from scapy.packet import NoPayload  # noqa: E402

import standard  # noqa: E402
from pcap import payloads  # noqa: E402

MESSAGES = (iec104.IEC104_I_Message_SingleIOA, iec104.IEC104_I_Message_SeqIOA, iec104.IEC104_S_Message, iec104.IEC104_U_Message)
FUNCTIONS = {'startdt_act': 'STARTDT act', 'startdt_con': 'STARTDT con', 'stopdt_act': 'STOPDT act', 'stopdt_con': 'STOPDT con',
             'testfr_act': 'TESTFR act', 'testfr_con': 'TESTFR con'}
HEADER = {'type_id': 'type_id', 'sq': 'sq', 'num_io': 'count', 'cot': 'cot', 'ack': 'pn', 'test': 'test', 'origin_address': 'oa',
          'common_asdu_address': 'ca', 'tx_seq_num': 'ns', 'rx_seq_num': 'nr'}


def fields(text):
    """'iv:IV reserved:reserved<<1' as {scapy's name: (name here, bits to the left)}."""
    out = {}
    for word in text.split():
        theirs, _, ours = word.partition(':')
        ours, _, by = ours.partition('<<')
        out[theirs] = (ours, int(by or 0))
    return out


QUALITY = 'iv:IV nt:NT sb:SB bl:BL '
TIME = 'sec_milli:ms {0}minutes:minute {0}gen:GEN {0}su:SU {0}hours:hour {0}weekday:day-of-week {0}day_of_month:day {0}month:month ' \
       '{0}year:year {0}reserved_2:reserved<<5 {0}reserved_3:reserved<<4 {0}reserved_4:reserved<<7 '
ELEMENTS = {name: fields(text) for name, text in {
    'SIQ': QUALITY + 'spi_value:SPI reserved:reserved<<1', 'DIQ': QUALITY + 'dpi_value:DPI reserved:reserved<<2',
    'QDS': QUALITY + 'ov:OV reserved:reserved<<1', 'QDP': QUALITY + 'ei:EI reserved_qdp:reserved',
    'SEP': QUALITY + 'ei:EI es:ES reserved:reserved<<2', 'SPE': 'srd:SRD sie:SIE sl3:SL3 sl2:SL2 sl1:SL1 gs:GS reserved:reserved<<6',
    'OCI': 'cl3:CL3 cl2:CL2 cl1:CL1 gc:GC reserved:reserved<<4', 'VTI': 'transient_state:T value:value', 'NVA': 'normed_value:value',
    'SVA': 'scaled_value:value', 'R32': 'scaled_value:value', 'BSI': 'bsi:bits', 'BCR': 'counter_value:count iv:IV ca:CA cy:CY sq:SQ',
    'SCD': ' '.join(f'st_{i}:ST<<{i - 1} cd_{i}:CD<<{i - 1}' for i in range(1, 17)),
    'CP24': 'sec_milli:time minutes:minute gen:reserved<<6 iv_time:IV', 'FBP': 'fbp:pattern',
    'CP16': 'elapsed_sec_milli:elapsed prot_act_sec_milli:elapsed prot_cmd_sec_milli:elapsed',
    'CP16 alone': 'sec_milli:elapsed', 'CP56': TIME.format('') + 'iv_time:IV', 'BOUND': TIME.format('start_').replace('sec_milli', 'start_sec_milli', 1) + 'start_iv:IV',
    'BOUND2': TIME.format('stop_').replace('sec_milli', 'stop_sec_milli', 1) + 'stop_iv:IV',
    'SCO': 's_or_e:S/E qu:QU scs:SCS reserved:reserved<<1', 'DCO': 's_or_e:S/E qu:QU dcs:DCS', 'RCO': 's_or_e:S/E qu:QU rcs:RCS',
    'QOS': 'action:S/E ql:QL', 'QOI': 'qoi:QOI', 'QCC': 'frz:FRZ rqt:RQT', 'QRP': 'qrp:QRP', 'QPM': 'pop:POP lpc:LPC kpa:KPA',
    'QPA': 'qpa:QPA', 'COI': 'local_param_state:changed coi:COI', 'TSC': 'tsc:counter', 'NOF': 'file_name:file', 'NOS': 'section_name:section',
    'LOF': 'file_length:length', 'FRQ': 'fr_ack:negative fr:FRQ', 'SRQ': 'section_load_state:negative sr:SRQ',
    'SCQ': 'errors:error select_call:SCQ', 'LSQ': 'lsq:LSQ', 'CHS': 'checksum:checksum', 'AFQ': 'errors:error ack_file_or_sec:AFQ',
    'SOF': 'fa:FA for_:FOR lfd:LFD status:SOF', 'SEGMENT': 'segment_length:length'}.items()}
NAMES = {'BOUND': 'CP56', 'BOUND2': 'CP562', 'SEGMENT': 'LOS'}


def value_of(packet, name):
    value = packet.getfieldval(name)
    return packet.get_field(name).i2h(packet, value) if name == 'normed_value' else value


def put_element(out, prefix, element, io):
    known = {f.name for f in io.fields_desc}
    for theirs, (ours, by) in ELEMENTS['CP16 alone' if io.iec104_io_type_id() == 106 else element].items():
        if theirs in known:
            path, value = f'{prefix}.{NAMES.get(element, element)}.{ours}', value_of(io, theirs)
            out[path] = out.get(path, 0) | value << by if by or ours == 'reserved' or element == 'SCD' else value


def put_object(out, i, io, elements):
    seen = set()
    for element in elements:
        put_element(out, i, element + ('2' if element in seen else ''), io)
        seen.add(element)
    if 'SEGMENT' in elements:
        out[f'{i}.segment'] = bytes(io.data).hex() if not isinstance(io.data, list) else io.data


def i_fields(m):
    out = {ours: m.getfieldval(theirs) for theirs, ours in HEADER.items()}
    t = standard.TYPES.get(m.type_id) or standard.OLD_TYPES.get(m.type_id)
    sequence = isinstance(m, iec104.IEC104_I_Message_SeqIOA)
    for i, io in enumerate(m.io, 1):
        if not isinstance(io, iec104.IEC104_IO_Packet):
            return out, 'raw'
        out[f'{i}.ioa'] = m.information_object_address + i - 1 if sequence else io.information_object_address
        if t:
            put_object(out, i, io, t.elements)
    return out, None if len(m.io) == m.num_io else 'count'


def apdu_of(m):
    if isinstance(m, iec104.IEC104_S_Message):
        return {'frame': 'S', 'fields': {'nr': m.rx_seq_num}, 'fault': None}
    if isinstance(m, iec104.IEC104_U_Message):
        names = [ours for theirs, ours in FUNCTIONS.items() if m.getfieldval(theirs)]
        return {'frame': 'U', 'fields': {'function': ' '.join(names)}, 'fault': None}
    out, fault = i_fields(m)
    return {'frame': 'I', 'fields': out, 'fault': fault}


def is_endless(payload):
    """scapy reads objects of no octets for ever: a list (SQ 1) of the type that has no elements."""
    return len(payload) > 7 and payload[2] & 1 == 0 and payload[6] == 102 and payload[7] & 0x80


def apdus_of(payload):
    if is_endless(payload):
        return [{'frame': None, 'fields': {}, 'fault': 'endless'}]
    try:
        m = iec104.iec104_decode(payload)
    except Exception as e:  # what it raises depends on where the octets end
        return [{'frame': None, 'fields': {}, 'fault': type(e).__name__}]
    out = []
    while isinstance(m, MESSAGES):
        out.append(apdu_of(m))
        m = m.payload
    if not isinstance(m, NoPayload):
        out.append({'frame': None, 'fields': {}, 'fault': 'raw'})
    return out


def main():
    for packet, _, payload in payloads(sys.argv[1]):
        print(json.dumps({'packet': packet, 'apdus': apdus_of(payload)}))


if __name__ == '__main__':
    main()
