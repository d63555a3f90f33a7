package io.bianque.agent.host;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * /proc/kallsyms line by line, {@code ffffffff81000000 T _text} and, for a module's symbol, a tab
 * and {@code [module]}, without making an object per line: the file has 120,000 to 300,000.
 */
final class KallsymsFile {
  /** Longer than any line: a name has at most 511 bytes, a module's name 55. */
  private static final int BUFFER_BYTES = 16 * 1024;

  /** The line that the visitor is shown; the array is reused. */
  static final class Line {
    private final byte[] bytes = new byte[BUFFER_BYTES];
    private int nameAt;
    private int nameEnd;
    private int moduleAt;
    private int moduleEnd;
    private long address;
    private int type;

    long address() {
      return address;
    }

    /** Of a text symbol: local, global or weak. */
    boolean isText() {
      return type == 't' || type == 'T' || type == 'w' || type == 'W';
    }

    boolean isNamed(String name) {
      return matches(nameAt, nameEnd, name);
    }

    boolean inModule() {
      return moduleAt < moduleEnd;
    }

    boolean inModule(String module) {
      return matches(moduleAt, moduleEnd, module);
    }

    String name() {
      return new String(bytes, nameAt, nameEnd - nameAt, StandardCharsets.UTF_8);
    }

    String module() {
      return new String(bytes, moduleAt, moduleEnd - moduleAt, StandardCharsets.UTF_8);
    }

    private boolean matches(int from, int to, String text) {
      if (to - from != text.length()) {
        return false;
      }
      for (int i = 0; i < text.length(); i++) {
        if (bytes[from + i] != text.charAt(i)) {
          return false;
        }
      }
      return true;
    }

    /** Returns whether it is a line as documented; another one is left out. */
    private boolean parse(int from, int to) {
      int at = from;
      address = 0;
      for (; at < to; at++) {
        int digit = hexDigit(bytes[at]);
        if (digit < 0) {
          break;
        }
        address = address << 4 | digit;
      }
      if (at == from
          || at - from > 16
          || at + 3 >= to
          || bytes[at] != ' '
          || bytes[at + 2] != ' ') {
        return false;
      }
      type = bytes[at + 1];
      nameAt = at + 3;
      nameEnd = nameAt;
      while (nameEnd < to && bytes[nameEnd] != '\t') {
        nameEnd++;
      }
      boolean module = nameEnd + 2 < to && bytes[nameEnd + 1] == '[' && bytes[to - 1] == ']';
      moduleAt = module ? nameEnd + 2 : to;
      moduleEnd = module ? to - 1 : to;
      return nameEnd > nameAt;
    }
  }

  private static int hexDigit(byte b) {
    if (b >= '0' && b <= '9') {
      return b - '0';
    }
    return b >= 'a' && b <= 'f' ? b - 'a' + 10 : -1;
  }

  /** Is shown each line in the file's order. */
  interface Visitor {
    void line(Line line);
  }

  private KallsymsFile() {}

  static void read(Path file, Visitor visitor) throws IOException {
    Line line = new Line();
    byte[] bytes = line.bytes;
    int end = 0;
    boolean skipping = false;
    try (InputStream in = Files.newInputStream(file)) {
      for (int count = 0; count >= 0; count = in.read(bytes, end, bytes.length - end)) {
        end += count;
        int begin = 0;
        for (int at = end - count; at < end; at++) {
          if (bytes[at] == '\n') {
            if (!skipping && line.parse(begin, at)) {
              visitor.line(line);
            }
            skipping = false;
            begin = at + 1;
          }
        }
        if (begin == 0 && end == bytes.length) {
          // A line longer than the buffer is none of the kernel's.
          skipping = true;
          begin = end;
        }
        System.arraycopy(bytes, begin, bytes, 0, end - begin);
        end -= begin;
      }
    }
  }
}
