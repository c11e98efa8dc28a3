"""Captures: written for the readers under test, and read again for scapy."""
import struct

HEADER = 14 + 20 + 20  # Ethernet, IPv4, TCP
PORT = 2404


class Writer:
    def __init__(self, path):
        self.out = open(path, 'wb')
        self.out.write(struct.pack('<IHHiIII', 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        self.packets = 0

    def begin(self, connection, direction, sequence):
        """SYN of the master, or SYN and ACK of the station: who is who decides which dissector tshark asks."""
        return self.segment(connection, direction, sequence - 1, b'', 0x02 if direction == 'control' else 0x12)

    def segment(self, connection, direction, sequence, payload, flags=0x18):
        """One TCP segment of a numbered connection between a master of its own and the station."""
        self.packets += 1
        station, master = bytes([10, 0, 0, 1]), struct.pack('>I', 0x0A010000 + connection // 20000)
        port = 20000 + connection % 20000
        ends = (port, PORT, master, station) if direction == 'control' else (PORT, port, station, master)
        tcp = struct.pack('>HHIIBBHHH', ends[0], ends[1], sequence, 1, 5 << 4, flags, 8192, 0, 0) + payload
        ip = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 20 + len(tcp), self.packets & 0xFFFF, 0x4000, 64, 6, 0, ends[2], ends[3])
        frame = bytes(12) + b'\x08\x00' + ip + tcp
        self.out.write(struct.pack('<IIII', 1700000000 + self.packets // 1000, self.packets % 1000 * 1000, len(frame), len(frame)) + frame)
        return self.packets

    def close(self):
        self.out.close()


LINKS = {1: 14, 12: 0, 101: 0, 113: 16, 228: 0, 276: 20}


def payloads(path):
    """(packet, direction, TCP payload) of every IPv4 segment to or from the station's port."""
    with open(path, 'rb') as f:
        data = f.read()
    order = '<' if data[:4] in (b'\xd4\xc3\xb2\xa1', b'\x4d\x3c\xb2\xa1') else '>'
    link = struct.unpack(order + 'I', data[20:24])[0] & 0xFFFF
    at, packet = 24, 0
    while at + 16 <= len(data):
        size = struct.unpack(order + 'I', data[at + 8:at + 12])[0]
        frame, at, packet = data[at + 16:at + 16 + size], at + 16 + size, packet + 1
        ip = frame[LINKS[link]:]
        if link == 1 and frame[12:14] == b'\x81\x00':
            ip = ip[4:]
        if len(ip) < 40 or ip[0] >> 4 != 4 or ip[9] != 6:
            continue
        tcp = ip[(ip[0] & 15) * 4:struct.unpack('>H', ip[2:4])[0]]
        ports = struct.unpack('>HH', tcp[:4])
        payload = tcp[(tcp[12] >> 4) * 4:]
        if PORT in ports and payload:
            yield packet, 'monitor' if ports[0] == PORT else 'control', payload
