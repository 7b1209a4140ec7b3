"""Writes the small Parquet files of the tests: python make_files.py FOLDER, with pyarrow 26.0.1.

Row i of the good files has ((7 i + 13 j) mod 32 - 16) / 8 in column j, of 4; there are 40 rows, in groups of 16.
"""
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

folder = Path(sys.argv[1])
folder.mkdir(exist_ok=True)
N, D = 40, 4


def row(i):
    return [((7 * i + 13 * j) % 32 - 16) / 8 for j in range(D)]


ROWS = [row(i) for i in range(N)]
FLOATS = pa.list_(pa.float32())


def write(name, table, **options):
    settings = dict(row_group_size=16, compression="none", store_schema=False)
    pq.write_table(table, folder / f"{name}.parquet", **{**settings, **options})


def lists(rows=ROWS, kind=FLOATS, nullable=True):
    return pa.table([pa.array(rows, kind)], schema=pa.schema([pa.field("key", kind, nullable)]))


def columns(kind=pa.float32()):
    return {f"x{j}": pa.array([r[j] for r in ROWS], kind) for j in range(D)}


for codec in ["none", "snappy", "gzip", "zstd", "lz4", "brotli"]:
    write(f"list-{codec}", lists(), compression=codec)
    write(f"list-{codec}-plain-v2", lists(), compression=codec, use_dictionary=False, data_page_version="2.0")
write("list-double", lists(kind=pa.list_(pa.float64())), compression="zstd")
write("list-fixed", lists(kind=pa.list_(pa.float32(), D)), use_dictionary=False)
write("list-large", lists(kind=pa.large_list(pa.float32())))
write("list-required", lists(kind=pa.list_(pa.field("element", pa.float32(), False)), nullable=False))
write("list-split", lists(), use_dictionary=False, column_encoding="BYTE_STREAM_SPLIT", compression="zstd")
write("list-many-pages", lists(), use_dictionary=False, data_page_size=32, write_batch_size=4)
write("list-many-pages-v2", lists(), data_page_size=16, write_batch_size=4, data_page_version="2.0")
write("list-checksums", lists(), write_page_checksum=True, compression="snappy")
write("list-one-group", lists(), row_group_size=1000, compression="snappy")
write("list-statistics", lists(), write_statistics=True, write_page_index=True)
write("list-and-text", pa.table({"id": pa.array(range(N)), "text": ["a"] * N, "key": pa.array(ROWS, FLOATS)}))
write("columns", pa.table(columns()), compression="snappy")
write("columns-double", pa.table(columns(pa.float64())), use_dictionary=False, data_page_size=32, write_batch_size=4)
mixed = {**columns(), "x2": columns(pa.float64())["x2"]}
write("columns-mixed", pa.table({"id": pa.array(range(N)), **mixed}))
write("columns-split", pa.table(columns(pa.float64())), use_dictionary=False, column_encoding="BYTE_STREAM_SPLIT")
write("two-lists", pa.table({"q": pa.array(ROWS[::-1], FLOATS), "k": pa.array(ROWS, FLOATS)}))
write("list-and-number", pa.table({"key": pa.array(ROWS, FLOATS), "score": pa.array([0.5] * N)}))
write("same-values", lists([[1.5] * D] * N))


def broken(name, at, value):
    write(name, lists([value if i == at else r for i, r in enumerate(ROWS)]))


broken("bad-null-row", 21, None)
broken("bad-null-first-row", 0, None)
broken("bad-null-number", 21, [1, 2, None, 4])
broken("bad-empty-row", 21, [])
broken("bad-short-row", 21, [1, 2, 3])
broken("bad-short-last-row", 39, [1, 2, 3])
broken("bad-long-row", 21, [1, 2, 3, 4, 5])
broken("bad-nan", 21, [1, 2, float("nan"), 4])
broken("bad-infinity", 21, [1, float("-inf"), 3, 4])
numbers = columns()
numbers["x2"] = pa.array([None if i == 33 else r[2] for i, r in enumerate(ROWS)], pa.float32())
write("bad-null-column", pa.table(numbers))
write("bad-no-floats", pa.table({"id": pa.array(range(N)), "key": pa.array([[1, 2]] * N, pa.list_(pa.int32()))}))
write("bad-nested", pa.table({"key": pa.array([[[1.0]]] * N, pa.list_(FLOATS)), "s": [{"x": 1.0}] * N}))
write("no-rows", lists([]))
