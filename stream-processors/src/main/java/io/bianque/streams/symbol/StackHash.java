package io.bianque.streams.symbol;

import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;

/**
 * What the same stacks of a fleet have in common: FNV-1a, 64 bit, of UTF-8 lines, as 16 hex digits.
 *
 * <p>FNV-1a, since whoever reads events can compute it again in four lines of any language, and no
 * library is needed for it. That it takes a byte at a time hardly matters: a stack is hashed once
 * and then remembered. It is no protection against somebody who wants two stacks to look alike.
 *
 * @param frames of the frames as they are shown, each ended by a line feed
 * @param functions of the frames without their offsets, and without what a compiler appended to the
 *     symbol (.isra.0, .constprop.0, .part.0, .cold, .llvm.123): {@code veth_xmit [veth]}
 */
record StackHash(String frames, String functions) {
  private static final long OFFSET_BASIS = 0xcbf29ce484222325L;
  private static final long PRIME = 0x100000001b3L;

  /** Of resolved frames. */
  static StackHash of(List<String> frames) {
    long all = OFFSET_BASIS;
    long functions = OFFSET_BASIS;
    for (String frame : frames) {
      byte[] text = frame.getBytes(StandardCharsets.UTF_8);
      boolean name = true;
      boolean counts = true;
      for (int i = 0; i < text.length; i++) {
        byte at = text[i];
        all = fold(all, at);
        // Neither C nor Rust's v0 mangling has a dot within a name: all from the first one on is
        // the compiler's, but for one that a name begins with.
        if (name && (at == '+' || (at == '.' && i > 0))) {
          name = false;
          counts = false;
        } else if (at == ' ') {
          counts = true;
        }
        if (counts) {
          functions = fold(functions, at);
        }
      }
      all = fold(all, (byte) '\n');
      functions = fold(functions, (byte) '\n');
    }
    HexFormat hex = HexFormat.of();
    return new StackHash(hex.toHexDigits(all), hex.toHexDigits(functions));
  }

  private static long fold(long hash, byte next) {
    return (hash ^ (next & 0xff)) * PRIME;
  }
}
