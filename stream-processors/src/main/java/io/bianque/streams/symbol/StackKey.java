package io.bianque.streams.symbol;

import java.util.Arrays;

/**
 * A stack by what is the same on all hosts that run the same builds: for each frame the build it is
 * in, and the offset there. Mutable until it is a {@link #copy}: one is filled for each stack that
 * is looked up.
 *
 * <p>Not by host and address, though that need not look for the place of each frame: each host
 * would have its own copy of the same stacks. With two hosts in {@code bench symbolize} that took
 * 99 ns a frame, for want of room, and this 49.
 */
final class StackKey {
  private static final int OBJECT_SHIFT = 48;

  /** Build id and name of each object, one behind the other, in the order of the frames. */
  private String[] objects = new String[8];

  private int objectEnd;

  /** Which object, in the upper 16 bits, and the offset in it. */
  private long[] frames = new long[64];

  private int size;

  void clear() {
    objectEnd = 0;
    size = 0;
  }

  /**
   * Appends a frame.
   *
   * @return false when the offset is too large to be one: there is no key of such a stack
   */
  boolean add(String buildId, String object, long offset) {
    if (offset >>> OBJECT_SHIFT != 0) {
      return false;
    }
    int index = index(buildId, object);
    if (size == frames.length) {
      frames = Arrays.copyOf(frames, 2 * size);
    }
    frames[size++] = ((long) index << OBJECT_SHIFT) | offset;
    return true;
  }

  private int index(String buildId, String object) {
    // Nearly always it is where the frame before is, or the kernel.
    for (int i = objectEnd - 2; i >= 0; i -= 2) {
      if (objects[i + 1].equals(object) && objects[i].equals(buildId)) {
        return i >> 1;
      }
    }
    if (objectEnd == objects.length) {
      objects = Arrays.copyOf(objects, 2 * objectEnd);
    }
    objects[objectEnd] = buildId;
    objects[objectEnd + 1] = object;
    objectEnd += 2;
    return (objectEnd >> 1) - 1;
  }

  StackKey copy() {
    StackKey copy = new StackKey();
    copy.objects = Arrays.copyOf(objects, objectEnd);
    copy.objectEnd = objectEnd;
    copy.frames = Arrays.copyOf(frames, size);
    copy.size = size;
    return copy;
  }

  /** Whether a frame is in that object of that build. */
  boolean isIn(String buildId, String object) {
    for (int i = 0; i < objectEnd; i += 2) {
      if (objects[i].equals(buildId) && objects[i + 1].equals(object)) {
        return true;
      }
    }
    return false;
  }

  /** Heap that a copy takes, in bytes, roughly; its strings are the host's. */
  int weight() {
    return 64 + 8 * size + 4 * objectEnd;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof StackKey that
        && size == that.size
        && objectEnd == that.objectEnd
        && Arrays.equals(frames, 0, size, that.frames, 0, size)
        && Arrays.equals(objects, 0, objectEnd, that.objects, 0, objectEnd);
  }

  @Override
  public int hashCode() {
    long hash = objectEnd == 0 ? 0 : objects[0].hashCode();
    for (int i = 0; i < size; i++) {
      hash = (hash ^ frames[i]) * 0x9E3779B97F4A7C15L;
      hash ^= hash >>> 32;
    }
    return (int) hash;
  }
}
