package io.bianque.agent.binary;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Arrays;

/**
 * Little-endian bytes of a file, by offset, through a few of its pages. For one thread.
 *
 * <p>Read and not mapped: who may write the file may make it shorter, and then a mapping has pages
 * that kill who touches them.
 */
final class FileBytes implements AutoCloseable {
  private static final int PAGE = 4096;
  private static final int PAGES = 64;

  /** Far more than the tables of any program have, and what one file can make the agent read. */
  private static final long MOST_READ = 512L << 20;

  private static final Duration LONGEST_READ = Duration.ofSeconds(10);

  private final FileChannel file;
  private final long size;
  private final byte[][] pages = new byte[PAGES][];
  private final long[] numbers = new long[PAGES];
  private long read;
  private long readNanos;

  FileBytes(Path path) throws IOException {
    this.file = FileChannel.open(path, StandardOpenOption.READ);
    this.size = file.size();
    Arrays.fill(numbers, -1);
  }

  long size() {
    return size;
  }

  int u8(long at) throws IOException {
    check(at, 1);
    return page(at / PAGE)[(int) (at % PAGE)] & 0xff;
  }

  int u16(long at) throws IOException {
    return (int) integer(at, Short.BYTES);
  }

  int s32(long at) throws IOException {
    return (int) integer(at, Integer.BYTES);
  }

  long u32(long at) throws IOException {
    return integer(at, Integer.BYTES);
  }

  /** Whoever needs it unsigned refuses what is negative. */
  long s64(long at) throws IOException {
    return integer(at, Long.BYTES);
  }

  private long integer(long at, int bytes) throws IOException {
    check(at, bytes);
    long value = 0;
    for (int i = bytes - 1; i >= 0; i--) {
      long byteAt = at + i;
      value = value << Byte.SIZE | (page(byteAt / PAGE)[(int) (byteAt % PAGE)] & 0xff);
    }
    return value;
  }

  byte[] bytes(long at, int count) throws IOException {
    check(at, count);
    byte[] bytes = new byte[count];
    for (int done = 0; done < count; ) {
      int from = (int) ((at + done) % PAGE);
      int part = Math.min(count - done, PAGE - from);
      System.arraycopy(page((at + done) / PAGE), from, bytes, done, part);
      done += part;
    }
    return bytes;
  }

  /** The text up to a NUL, the end of what holds it, or the most bytes that are wanted. */
  String text(long at, long end, int most) throws IOException {
    byte[] text = new byte[most];
    int length = 0;
    while (length < most && at + length < end) {
      byte next = (byte) u8(at + length);
      if (next == 0) {
        break;
      }
      text[length++] = next;
    }
    return new String(text, 0, length, StandardCharsets.UTF_8);
  }

  private void check(long at, int bytes) throws MalformedFile {
    if (at < 0 || at > size - bytes) {
      throw new MalformedFile("offset " + at + " lies outside of its " + size + " bytes");
    }
  }

  private byte[] page(long number) throws IOException {
    int slot = (int) (number % PAGES);
    if (numbers[slot] == number) {
      return pages[slot];
    }
    if (pages[slot] == null) {
      pages[slot] = new byte[PAGE];
    }
    numbers[slot] = -1;
    long begin = System.nanoTime();
    ByteBuffer into = ByteBuffer.wrap(pages[slot]);
    int wanted = (int) Math.min(PAGE, size - number * PAGE);
    while (into.position() < wanted) {
      if (file.read(into, number * PAGE + into.position()) < 0) {
        throw new MalformedFile("it became shorter while it was read");
      }
    }
    read += PAGE;
    readNanos += System.nanoTime() - begin;
    if (read > MOST_READ) {
      throw new MalformedFile("its tables have more than " + MOST_READ + " bytes");
    }
    if (readNanos > LONGEST_READ.toNanos()) {
      throw new MalformedFile("to read it took more than " + LONGEST_READ);
    }
    numbers[slot] = number;
    return pages[slot];
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
