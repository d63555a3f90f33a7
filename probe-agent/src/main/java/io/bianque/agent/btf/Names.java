package io.bianque.agent.btf;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** NUL-terminated names in a table, referred to by the offset of their first byte. */
final class Names {
  /**
   * Longer than any: the kernel's KSYM_NAME_LEN is 512. Bounds what a broken table can make of one
   * name.
   */
  private static final int MAX_NAME = 4096;

  private Names() {}

  static String string(Bytes table, int at) {
    int end = at;
    while (table.u8(end) != 0) {
      if (++end - at > MAX_NAME) {
        throw new BtfException(
            "name at offset " + Bytes.hex(at) + " of its table has no end within 4096 bytes");
      }
    }
    byte[] name = new byte[end - at];
    for (int i = 0; i < name.length; i++) {
      name[i] = (byte) table.u8(at + i);
    }
    return new String(name, StandardCharsets.UTF_8);
  }

  /**
   * All offsets at which a name can be read, ascending, in one pass. A name that is the tail of a
   * longer one counts: the format lets a table share them.
   */
  static int[] offsets(Bytes table, String name) {
    byte[] wanted = name.getBytes(StandardCharsets.UTF_8);
    int[] found = new int[2];
    int count = 0;
    int last = table.size() - wanted.length - 1;
    for (int at = 0; at <= last; at++) {
      if (table.u8(at) == (wanted.length == 0 ? 0 : wanted[0] & 0xff)
          && matches(table, at, wanted)) {
        if (count == found.length) {
          found = Arrays.copyOf(found, count * 2);
        }
        found[count++] = at;
      }
    }
    return Arrays.copyOf(found, count);
  }

  private static boolean matches(Bytes table, int at, byte[] wanted) {
    for (int i = 0; i < wanted.length; i++) {
      if (table.u8(at + i) != (wanted[i] & 0xff)) {
        return false;
      }
    }
    return table.u8(at + wanted.length) == 0;
  }
}
