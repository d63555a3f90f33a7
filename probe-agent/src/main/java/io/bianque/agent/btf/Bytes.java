package io.bianque.agent.btf;

import java.io.EOFException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;

/** Little-endian bytes with bounds-checked access by offset. One thread. */
sealed interface Bytes {

  int size();

  /** The byte at an offset, 0..255. */
  int u8(int at);

  int s32(int at);

  default int u16(int at) {
    return u8(at) | u8(at + 1) << 8;
  }

  default long s64(int at) {
    return (s32(at) & 0xffffffffL) | (long) s32(at + 4) << 32;
  }

  /** A part of these bytes, with offsets from its own begin. */
  Bytes part(String what, long offset, long size);

  /** Bytes in memory. {@code base} is the offset of the first one in the whole, for messages. */
  record Memory(String what, ByteBuffer bytes, long base) implements Bytes {

    static Memory of(String what, ByteBuffer bytes) {
      return new Memory(what, bytes.slice().order(ByteOrder.LITTLE_ENDIAN), 0);
    }

    @Override
    public int size() {
      return bytes.limit();
    }

    @Override
    public int u8(int at) {
      check(what, base, at, 1, size());
      return bytes.get(at) & 0xff;
    }

    @Override
    public int s32(int at) {
      check(what, base, at, 4, size());
      return bytes.getInt(at);
    }

    @Override
    public Bytes part(String name, long offset, long length) {
      checkPart(what, name, base, offset, length, size());
      ByteBuffer part = bytes.slice((int) offset, (int) length).order(ByteOrder.LITTLE_ENDIAN);
      return new Memory(what + ", " + name, part, base + offset);
    }
  }

  /**
   * Bytes of a file, seen through a window that moves. The file is opened for each move, so there
   * is nothing to close: the kernel's BTF is walked with some 90 moves.
   *
   * <p>Not mapped, since sysfs refuses it before 6.16; not read whole, since 5 MB stay in the
   * heap's size for good.
   */
  final class Windowed implements Bytes {
    private static final int WINDOW = 64 * 1024;
    private static final int STEP_BACK = 4096;

    private final String what;
    private final Path file;
    private final long base;
    private final int size;
    private byte[] window = new byte[0];
    private int windowAt;

    Windowed(String what, Path file, long base, int size) {
      this.what = what;
      this.file = file;
      this.base = base;
      this.size = size;
    }

    @Override
    public int size() {
      return size;
    }

    @Override
    public int u8(int at) {
      int i = at - windowAt;
      if (i < 0 || i >= window.length) {
        i = move(at, 1);
      }
      return window[i] & 0xff;
    }

    @Override
    public int s32(int at) {
      int i = at - windowAt;
      if (i < 0 || i > window.length - 4) {
        i = move(at, 4);
      }
      byte[] w = window;
      return (w[i] & 0xff) | (w[i + 1] & 0xff) << 8 | (w[i + 2] & 0xff) << 16 | w[i + 3] << 24;
    }

    @Override
    public Bytes part(String name, long offset, long length) {
      checkPart(what, name, base, offset, length, size);
      return new Windowed(what + ", " + name, file, base + offset, (int) length);
    }

    /**
     * Returns where the offset lies in the moved window, which begins a little before it for steps
     * back.
     */
    private int move(int at, int need) {
      check(what, base, at, need, size);
      windowAt = at & -STEP_BACK;
      int length = Math.min(WINDOW, size - windowAt);
      if (window.length != length) {
        window = new byte[length];
      }
      try (RandomAccessFile in = new RandomAccessFile(file.toFile(), "r")) {
        in.seek(base + windowAt);
        in.readFully(window);
        return at - windowAt;
      } catch (EOFException e) {
        window = new byte[0];
        throw new BtfException(what + ": ends before offset " + hex(base + windowAt + length), e);
      } catch (IOException e) {
        window = new byte[0];
        throw new BtfException(what + ": cannot be read: " + e.getMessage(), e);
      }
    }
  }

  private static void check(String what, long base, int at, int need, int size) {
    if (at < 0 || at > size - need) {
      throw new BtfException(
          what + ": offset " + hex(base + at) + " lies outside of its " + size + " bytes");
    }
  }

  private static void checkPart(
      String what, String name, long base, long offset, long length, int size) {
    if (offset < 0 || length < 0 || offset > size || length > size - offset) {
      throw new BtfException(
          what
              + ": "
              + name
              + " at offset "
              + hex(base + offset)
              + " with "
              + length
              + " bytes reaches beyond the end at "
              + hex(base + size));
    }
  }

  static String hex(long offset) {
    return "0x" + Long.toHexString(offset);
  }
}
