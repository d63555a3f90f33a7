package io.bianque.agent.libbpf;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The process' own resident memory. Any thread. */
public final class OwnMemory {
  private static final Path SMAPS = Path.of("/proc/self/smaps");
  private static final int MADV_DONTNEED = 4;

  private OwnMemory() {}

  /**
   * Gives back what was needed only to start: garbage of the Java heap, free blocks of malloc, and
   * pages of code and archived classes. That is more than a third of what the agent has resident
   * then, and nothing would ask for it later: the kernel keeps file pages mapped until memory is
   * short.
   *
   * <p>File pages that are needed again come back from the page cache by a minor fault each.
   *
   * @return bytes of file mappings that were let go
   * @throws IOException when /proc cannot be read
   */
  public static long giveBack() throws IOException {
    System.gc();
    Libc.malloc_trim();
    long released = 0;
    Mapping mapping = null;
    for (String line : Files.readAllLines(SMAPS)) {
      if (Mapping.isHead(line)) {
        mapping = Mapping.of(line);
      } else if (mapping != null && line.startsWith("Anonymous:")) {
        // Relocated or patched pages are the process' own: the file does not have what is in them.
        boolean clean = line.replaceAll("[^0-9]", "").equals("0");
        if (clean && mapping.readOnlyFile) {
          released += mapping.release();
        }
        mapping = null;
      }
    }
    return released;
  }

  private record Mapping(long begin, long end, boolean readOnlyFile) {
    static boolean isHead(String line) {
      return !line.isEmpty() && Character.digit(line.charAt(0), 16) >= 0 && line.indexOf('-') > 0;
    }

    static Mapping of(String line) {
      List<String> words = List.of(line.split(" +", 6));
      int dash = words.getFirst().indexOf('-');
      String rights = words.get(1);
      boolean file = words.size() == 6 && words.get(5).startsWith("/");
      return new Mapping(
          Long.parseUnsignedLong(words.getFirst(), 0, dash, 16),
          Long.parseUnsignedLong(words.getFirst(), dash + 1, words.getFirst().length(), 16),
          file && rights.startsWith("r") && rights.charAt(1) == '-' && rights.charAt(3) == 'p');
    }

    long release() {
      return Libc.madvise(begin, end - begin, MADV_DONTNEED) == 0 ? end - begin : 0;
    }
  }
}
