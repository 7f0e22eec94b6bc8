"""A Prometheus remote write sender of its own: protobuf and snappy by their specifications."""

import struct


def varint(number):
    out = bytearray()
    number &= (1 << 64) - 1
    while True:
        byte = number & 0x7F
        number >>= 7
        if not number:
            out.append(byte)
            return bytes(out)
        out.append(byte | 0x80)


def field(number, wire, payload):
    tag = varint(number << 3 | wire)
    return tag + (varint(len(payload)) + payload if wire == 2 else payload)


def label(name, value):
    return field(1, 2, name.encode()) + field(2, 2, value.encode())


def sample(value, time_ms):
    bits = value if isinstance(value, bytes) else struct.pack("<d", value)
    return field(1, 1, bits) + field(2, 0, varint(time_ms))


def series(labels, samples, *more):
    body = b"".join(field(1, 2, label(*pair)) for pair in labels)
    return body + b"".join(field(2, 2, sample(*pair)) for pair in samples) + b"".join(more)


def request(*all_series, more=b""):
    return b"".join(field(1, 2, one) for one in all_series) + more


def snappy(raw):
    """The block format with literals only."""
    out = bytearray(varint(len(raw)))
    for at in range(0, len(raw), 60):
        piece = raw[at : at + 60]
        out.append((len(piece) - 1) << 2)
        out += piece
    return bytes(out)
