#!/usr/bin/python3
"""Reads a raw topic with nothing of Bianque's: librdkafka (kcat), curl, and Avro's own Python.

Usage: read_raw.py BROKER REGISTRY TOPIC > events.jsonl

Each line of the output is one record: its partition, offset, timestamp in ms, key, schema id, and the decoded event.
Reads to the end of the topic as it is at the start, then stops.
"""

import io
import json
import struct
import subprocess
import sys
import warnings

warnings.simplefilter("ignore")  # Logical types that are ours are unknown to it: their underlying types are what it reads.
import avro.io
import avro.schema

broker, registry, topic = sys.argv[1:]


def readers():
    by_id = {}

    def reader(schema_id):
        if schema_id not in by_id:
            answer = subprocess.run(
                ["curl", "--silent", "--fail", f"{registry}/schemas/ids/{schema_id}"], check=True, capture_output=True
            )
            by_id[schema_id] = avro.io.DatumReader(avro.schema.parse(json.loads(answer.stdout)["schema"]))
        return by_id[schema_id]

    return reader


def as_json(value):
    return value.hex() if isinstance(value, bytes) else str(value)


reader = readers()
# %R is the length of the value, 4 bytes in network order; a key is a host id, which has no tab.
kcat = subprocess.Popen(
    ["kcat", "-q", "-C", "-b", broker, "-t", topic, "-o", "beginning", "-e", "-f", "%R%s%k\t%p\t%o\t%T\n"],
    stdout=subprocess.PIPE,
)
with kcat.stdout as stream:
    while length := stream.read(4):
        value = stream.read(struct.unpack(">i", length)[0])
        key, partition, offset, timestamp = stream.readline().decode().rstrip("\n").split("\t")
        magic, schema_id = struct.unpack(">bI", value[:5])
        assert magic == 0, f"{topic}-{partition}-{offset} is not in the Confluent wire format"
        record = {
            "partition": int(partition),
            "offset": int(offset),
            "timestamp": int(timestamp),
            "key": key,
            "schema_id": schema_id,
            "event": reader(schema_id).read(avro.io.BinaryDecoder(io.BytesIO(value[5:]))),
        }
        print(json.dumps(record, default=as_json))
sys.exit(kcat.wait())
