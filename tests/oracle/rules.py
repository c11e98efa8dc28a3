"""Whether 104 allows an I-frame, by the table in standard.py: a second opinion on what gate104 accepts."""
import standard

# Every octet of these that is legal is in the list.
LISTED = set('SIQ DIQ QDS QDP SEP SPE OCI SCO DCO RCO QOS QOI QCC QRP QPM QPA COI FRQ SRQ SCQ LSQ AFQ SOF FBP'.split())
EI, IV = 0x08, 0x80


def number(octets):
    return int.from_bytes(octets, 'little')


def is_number(octets):
    return octets[3] & 0x7F != 0x7F or octets[2] & 0x80 == 0


def is_date(day, month, year):
    days = [31, 29 if year % 4 == 0 else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    return 1 <= month <= 12 and 1 <= day <= days[month - 1]


def is_time24(octets, direction):
    if octets[2] & 0x40:
        return False
    if octets[2] & IV:
        return direction == 'monitor'
    return number(octets[:2]) < 60000 and octets[2] & 0x3F < 60


def is_time56(octets, direction):
    if octets[3] & 0x60 or octets[5] & 0xF0 or octets[6] & 0x80:
        return False
    if octets[2] & IV:
        return direction == 'monitor'
    return is_time24(octets[:2] + bytes([octets[2] & 0x3F]), direction) and octets[3] & 0x1F < 24 and octets[6] < 100 and \
        is_date(octets[4] & 0x1F, octets[5], octets[6])


def is_element(name, octets, direction, before, behind):
    """before, behind: the octets next to it, which may say that it is invalid."""
    if name in LISTED:
        return octets in standard.LEGAL[name]
    if name == 'R32':
        return is_number(octets) or (direction == 'monitor' and behind == 'QDS' and before[1] & IV != 0)
    if name == 'CP16':
        return number(octets) < 60000 or (direction == 'monitor' and before[0] & EI != 0)
    if name == 'CP24':
        return is_time24(octets, direction)
    if name in ('CP56', 'BOUND'):
        return is_time56(octets, direction) or (name == 'BOUND' and not any(octets))
    return name != 'SEGMENT' or octets[0] > 0


def are_elements(t, octets, direction):
    at = 0
    for i, name in enumerate(t.elements):
        size, behind = standard.SIZES[name], (t.elements + [''])[i + 1]
        # With nothing before (the delay of type 106) nothing says that it is invalid.
        flags = (octets[at - 1] if at else 0, octets[at + size] if at + size < len(octets) else 0)
        if not is_element(name, octets[at:at + size], direction, flags, behind):
            return False
        at += size
    return True


def is_address(t, ioa, contents):
    if t.address == 'f':
        return True
    zero = t.address == '0' or (t.address == 'q' and contents[0] == 1)
    return (ioa == 0) == zero


def objects(t, asdu):
    """(address, contents) of each, or None if they are not exactly what the number of objects says."""
    sq, count, at, out = asdu[1] >> 7, asdu[1] & 127, 6, []
    for i in range(count):
        if not sq or not i:
            ioa, at = number(asdu[at:at + 3]), at + 3
        size = t.size() + (asdu[at + t.size() - 1] if 'SEGMENT' in t.elements and at + t.size() <= len(asdu) else 0)
        out.append((ioa + (i if sq else 0), asdu[at:at + size]))
        at += size
    return out if at == len(asdu) else None


def is_asdu(t, asdu, direction):
    sq, count, cause, ca = asdu[1] >> 7, asdu[1] & 127, asdu[2] & 63, number(asdu[4:6])
    negative, test = asdu[2] >> 6 & 1, asdu[2] >> 7
    if sq not in t.sq or count == 0 or (t.single and count > 1) or cause not in t.causes[direction]:
        return False
    if (negative and cause not in standard.ANSWERS) or (test and direction == 'control'):
        return False
    if ca == 0 or (ca == 65535 and not (direction == 'control' and t.id in standard.BROADCAST)):
        return False
    some = objects(t, asdu)
    if some is None or some[-1][0] > 0xFFFFFF:
        return False
    refused = direction == 'monitor' and cause in standard.ANSWERS and (negative or cause >= 44)
    return all((cause == 47 or is_address(t, ioa, contents)) and (refused or are_elements(t, contents, direction))
               for ioa, contents in some)


def verdict(frame, direction):
    """'accepted', 'tolerated' (a type of 101) or 'refused'."""
    if len(frame) < 12 or frame[0] != 0x68 or frame[1] != len(frame) - 2 or frame[1] > 253 or frame[2] & 1 or frame[4] & 1:
        return 'refused'
    t = standard.TYPES.get(frame[6]) or standard.OLD_TYPES.get(frame[6])
    if not t or not is_asdu(t, frame[6:], direction):
        return 'refused'
    return 'accepted' if t.id in standard.TYPES else 'tolerated'
