"""Reads metrics directories by src/store/FORMAT.md alone, and prints their numbers as JSON.

Usage: reader.py DIRECTORY...  One line for each directory: families, by name, then by label values.
"""

import json
import os
import re
import struct
import sys
import zlib

CHUNK = 65536
STEP = 65536


def crc(*parts):
    value = 0
    for part in parts:
        value = zlib.crc32(part, value)
    return value


def header_of(names):
    """The header as a dictionary; None for another version's or a damaged one."""
    if names[272:280] == b"PRMNDHDR":
        version, checksum, length = struct.unpack_from("<III", names, 280)
        text = names[292 : 292 + length]
        if version == 1 and 292 + length <= 512 and crc(names[280:284], names[288:292], text) == checksum:
            lineage, role, generation, _, _, _, unfinished, intent = json.loads(text)
            return {"lineage": lineage, "unfinished": bool(unfinished), "intent": intent}
    if names[:8] != b"PRMNDNAM":
        return None
    version, checksum, length = struct.unpack_from("<III", names, 8)
    text = names[20 : 20 + length]
    if version != 1 or 20 + length > 512 or crc(text) != checksum:
        return None
    return {"unfinished": False, "intent": -1, **json.loads(text)}


def record_at(names, at):
    """The end and the content of a valid record; None if there is none."""
    if at + 8 > len(names):
        return None
    length, checksum = struct.unpack_from("<II", names, at)
    text = names[at + 8 : at + 8 + length]
    if not 0 < length <= 1048576 or len(text) < length or text[:1] != b"[" or text[-1:] != b"]":
        return None
    return (at + 8 + length, json.loads(text)) if crc(text) == checksum else None


def records_of(names):
    at = 512
    while True:
        found = record_at(names, at)
        if found:
            at = found[0]
            yield found[1]
            continue
        if not any(names[at:]):
            return
        hit = names.find(b'["', at + 9)
        while hit >= 0 and not record_at(names, hit - 8):
            hit = names.find(b'["', hit + 1)
        if hit < 0:
            return
        at = hit - 8
        yield ["gap"]


class Slot:
    def __init__(self, names):
        self.families = {}  # id: [definition, {labels: [cell, {key: cell}]}]
        self.gaps = False
        for record in records_of(names):
            try:
                self.apply(record)
            except (KeyError, IndexError):
                pass  # It makes no sense without a record that is lost.

    def take(self, cell):
        """A cell that a record names belongs to no other series any more."""
        if not self.gaps:
            return
        for _, series in self.families.values():
            for labels, (at, blocks) in list(series.items()):
                if at == cell and not all(value == "<overflow>" for value in labels):
                    del series[labels]
                for key in [key for key, block in blocks.items() if block == cell]:
                    del blocks[key]

    def apply(self, record):
        kind = record[0]
        if kind == "gap":
            self.gaps = True
        elif kind == "family":
            _, number, _, cell, definition = record[:5]
            fallback = ("<overflow>",) * len(definition["labelNames"])
            known = self.families.get(number)
            if known and known[1][fallback][0] == cell:
                known[0] = definition
            else:
                self.take(cell)
                self.families[number] = [definition, {fallback: [cell, {}]}]
        elif kind == "series":
            series = self.families[record[1]][1]
            self.take(record[3])
            series[tuple(record[2])] = [record[3], {}]
        elif kind == "blocks":
            blocks = self.families[record[1]][1][tuple(record[2])][1]
            for key, cell in zip(record[3], record[4]):
                self.take(cell)
                blocks[key] = cell
        elif kind == "unblock":
            for key in record[3]:
                self.families[record[1]][1][tuple(record[2])][1].pop(key, None)
        elif kind == "removal":
            self.families[record[1]][1].pop(tuple(record[2]), None)
        elif kind == "end":
            self.families.pop(record[1])


def cells_of(path, lineage):
    data = open(path, "rb").read()
    expected = b"PRMNDCEL" + struct.pack("<Q", 1) + bytes.fromhex(lineage.replace("-", "")) + bytes(32)
    if sum(data[at : at + 8] != expected[at : at + 8] for at in range(0, 64, 8)) > 1:
        return None
    whole = len(data) // CHUNK * CHUNK
    return list(struct.unpack(f"<{whole // 8}d", data[:whole]))


def apply_intent(cells, at):
    if at < 0 or not 1 <= cells[at] <= 64:
        return
    pairs = [(cells[at + 2 + 2 * i], cells[at + 3 + 2 * i]) for i in range(int(cells[at]))]
    check = 0.0
    for cell, value in pairs:
        check = check * 0.5 + cell + value
    if check + cells[at] == cells[at + 1]:
        for cell, value in pairs:
            cells[int(cell)] = value


def buckets_of(cells, blocks, schema):
    found = {}
    for key, cell in blocks.items():
        if (key & 15) - 4 != schema:
            continue
        for i in range(32):
            if cells[cell + i]:
                sign = "negative" if key & 16 else "positive"
                found[f"{sign} {(key >> 5) * 32 + i}"] = cells[cell + i]
    return found


def numbers_of(definition, cells, at, blocks):
    """The numbers of a series, and its sparse buckets."""
    kind = definition["type"]
    if kind == "histogram":
        counts = cells[at + 2 : at + 3 + len(definition["bounds"])]
        buckets = {}
        if "native" in definition:
            native = at + 2 + len(counts)
            schema, _, zeros, others, pending = cells[native : native + 5]
            schema = definition["native"]["schema"] if schema == 0 else int(schema) - 16
            buckets = {"schema": schema, "zeros": zeros, **buckets_of(cells, blocks, schema)}
            held = sum(value for name, value in buckets.items() if name not in ("schema",)) + others
            if held == sum(counts) + 1:
                code = int(pending)
                index = (code >> 1 & ~31) | code & 31
                name = "zeros" if code == 2**40 else f"{'negative' if code & 32 else 'positive'} {index}"
                if name in buckets:
                    buckets[name] -= 1
            missing = sum(counts) - held
            for i in range(len(counts) - 1, -1, -1) if missing > 0 else ():
                taken = min(counts[i], missing)
                counts[i] -= taken
                missing -= taken
            counted = cells[at + 2 : at + 2 + len(counts)]
            return [cells[at + int(sum(counted)) % 2], *counts], buckets
        return [cells[at + int(sum(counts)) % 2], *counts], buckets
    if kind == "summary":
        buckets = {"zeros": cells[at + 2], **buckets_of(cells, blocks, 5)}
        return [cells[at + int(sum(buckets.values())) % 2]], buckets
    width = len(definition["states"]) if kind == "stateset" else 1
    return cells[at : at + width], {}


def read_slot(directory, name):
    """Families by name: (definition, {labels: (numbers, buckets)}). Every owner is dead here."""
    names = open(os.path.join(directory, name + ".names"), "rb").read()
    header = header_of(names)
    if header is None or header["unfinished"] or len(names) < STEP:
        return None
    slot = Slot(names)
    if not slot.families:
        return header["lineage"], {}
    cells = cells_of(os.path.join(directory, name + ".cells"), header["lineage"])
    if cells is None:
        return None
    apply_intent(cells, header["intent"])
    families = {}
    for definition, series in slot.families.values():
        read = {labels: numbers_of(definition, cells, at, blocks) for labels, (at, blocks) in series.items()}
        fallback = ("<overflow>",) * len(definition["labelNames"])
        counted = any(read[fallback][0]) or any(read[fallback][1].get(key) for key in read[fallback][1] if key != "schema")
        if fallback and not counted:
            del read[fallback]
        families[definition["name"]] = (definition, read)
    for definition, series in list(families.values()):
        if "settlesInto" in definition:
            del families[definition["name"]]
            target = families.get(definition["settlesInto"], (None, {}))[1]
            for labels, (numbers, _) in series.items():
                if numbers[0] > 0:
                    target[labels] = ([target.get(labels, ([0], {}))[0][0] + numbers[0]], {})
    return header["lineage"], families


def read_directory(directory):
    slots = [m[1] for m in (re.fullmatch(r"([a-z0-9_]+-\d+)\.names", f) for f in os.listdir(directory)) if m]
    page = {}
    for _, families in sorted(filter(None, (read_slot(directory, slot) for slot in slots)), key=lambda pair: pair[0]):
        for name, (definition, series) in families.items():
            if definition.get("liveOnly"):
                continue
            merged = page.setdefault(name, {})
            for labels, (numbers, buckets) in series.items():
                key = json.dumps(labels, ensure_ascii=False, separators=(",", ":"))
                held = merged.setdefault(key, {"numbers": [0] * len(numbers), "buckets": {}})
                held["numbers"] = [a + b for a, b in zip(held["numbers"], numbers)]
                for bucket, count in buckets.items():
                    if bucket == "schema":
                        held["buckets"].setdefault("schema", count)
                    else:
                        held["buckets"][bucket] = held["buckets"].get(bucket, 0) + count
    for series in page.values():
        for one in series.values():
            one["buckets"] = {key: value for key, value in one["buckets"].items() if key == "schema" or value}
    return page


for path in sys.argv[1:]:
    print(json.dumps(read_directory(path)))
