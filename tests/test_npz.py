"""NumPy archives: what is read, how much of it, and what damaged ones say."""

import io
import os
import struct
import zipfile
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from viewer.core.errors import Unusable
from viewer.formats import npz

TABLE = np.arange(24, dtype=np.float32).reshape(4, 3, 2)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize(
    "values",
    [TABLE, TABLE.astype(">f8"), np.asfortranarray(TABLE), TABLE[:0], np.float32(7), TABLE > 3],
)
def test_arrays_come_back_as_they_were_saved(tmp_path, save, values):
    save(tmp_path / "a.npz", values=values)
    array = npz.opened(tmp_path / "a.npz").array("values")
    assert array.shape == np.shape(values)
    got = array.read()
    np.testing.assert_array_equal(got, values)
    assert got.flags.writeable
    assert got.dtype.isnative
    if np.ndim(values):
        np.testing.assert_array_equal(array.rows(1, 3), values[1:3])


def test_rows_of_stored_arrays_read_no_others(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, first=np.zeros(5), values=TABLE)
    array = npz.opened(path).array("values")
    content, stamp = bytearray(path.read_bytes()), path.stat()
    content[array.begins : array.begins + TABLE[0].nbytes] = b"\xff" * TABLE[0].nbytes
    path.write_bytes(content)
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    np.testing.assert_array_equal(array.rows(1, 2), TABLE[1:2])


def test_a_file_written_anew_is_said_to_have_changed(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, values=TABLE)
    array = npz.opened(path).array("values")
    np.savez(path, values=TABLE[:2])
    with pytest.raises(Unusable, match="has changed since it was opened"):
        array.rows(3, 4)


def test_names_are_those_of_npz_files_only(tmp_path):
    np.savez(tmp_path / "a.npz", one=TABLE, two=TABLE)
    assert set(npz.names(tmp_path / "a.npz")) == {"one", "two"}
    (tmp_path / "a.npz").rename(tmp_path / "a.pth")
    assert npz.names(tmp_path / "a.pth") == ()
    (tmp_path / "b.npz").write_bytes(b"nothing of the kind")
    with pytest.raises(Unusable, match=r"b.npz: is not a whole .npz \(File is not a zip file\)"):
        npz.names(tmp_path / "b.npz")


def test_objects_are_never_unpickled(tmp_path):
    np.savez(tmp_path / "a.npz", values=np.array([{}], dtype=object))
    with pytest.raises(Unusable, match=r"values: it holds '\|O', expected numbers"):
        npz.opened(tmp_path / "a.npz").array("values")


def described(text: str, values: bytes = b"", version: int = 1) -> bytes:
    head = text.encode() + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H", len(head)) + head + values


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (b"", "no array of NumPy's"),
        (described("{}"), "not that of an array of numbers"),
        (described("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}"), "not that"),
        (described("__import__('os')"), "its description is not readable"),
        (
            described("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}"),
            r"shape is \(-1,\)",
        ),
        (described("{'descr': '<f4', 'fortran_order': False, 'shape': (True,)}"), "shape is"),
        (
            described("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 1<<62)}"),
            "its description is not readable",
        ),
        (
            described(f"{{'descr': '<f4', 'fortran_order': False, 'shape': (0, {1 << 62})}}"),
            "shape is",
        ),
        (
            described("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", b"1234"),
            r"\[2\] take 74 bytes, and there are 70",
        ),
        (described("{'descr': '<f4,', 'fortran_order': False, 'shape': (1,)}"), "expected numbers"),
        (described("{}", version=3), "no array of NumPy's"),
    ],
)
@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_nonsense_members_are_named(tmp_path, member, message, packing):
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w", packing) as archive:
        archive.writestr("values.npy", member)
    with pytest.raises(Unusable, match=message) as caught:
        npz.opened(path).array("values")
    assert f"{path}: is not a whole .npz (values: " in caught.value.cause


def test_a_member_that_promises_more_than_its_bytes_can_give_is_not_expanded(tmp_path):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, values=np.zeros(1000, np.float32))
    archive = npz.opened(path)
    archive.members["values"].file_size = 1 << 33
    with pytest.raises(Unusable, match="and there are 8589934592"):
        archive.array("values")


def test_missing_and_oddly_packed_arrays_are_named(tmp_path):
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("values.npy", b"1234")
    with pytest.raises(Unusable, match="has no array other; found values"):
        npz.opened(path).array("other")
    with pytest.raises(Unusable, match="values is encrypted, or packed by other means"):
        npz.opened(path).array("values")


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damaged_archives_are_unusable_and_nothing_else(tmp_path_factory, data):
    content = io.BytesIO()
    data.draw(st.sampled_from([np.savez, np.savez_compressed]))(content, a=TABLE, b=TABLE[0])
    changed = bytearray(content.getvalue())
    for _ in range(data.draw(st.integers(1, 6))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    path.write_bytes(changed[: data.draw(st.integers(0, len(changed))) or None])
    with suppress(Unusable):
        archive = npz.opened(path)
        for name in archive.members:
            assert archive.array(name).read().nbytes < 1 << 20
