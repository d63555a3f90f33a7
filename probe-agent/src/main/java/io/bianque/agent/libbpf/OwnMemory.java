package io.bianque.agent.libbpf;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The process' own resident memory. Any thread. */
public final class OwnMemory {
  private static final Path SMAPS = Path.of("/proc/self/smaps");
  private static final Path STATM = Path.of("/proc/self/statm");
  private static final int MADV_RANDOM = 1;
  private static final int MADV_DONTNEED = 4;
  private static final int POSIX_FADV_DONTNEED = 4;

  private OwnMemory() {}

  /** Resident bytes; 0 when /proc does not say. */
  public static long residentBytes() {
    try {
      // Pages: size, resident, …
      return Long.parseLong(Files.readString(STATM).split(" ", -1)[1]) * Libc.getpagesize();
    } catch (IOException e) {
      return 0;
    }
  }

  /**
   * Gives back garbage of the Java heap, free blocks of malloc, and pages of code and archived
   * classes. After a start that is more than a third of what the agent has resident, and nothing
   * would ask for it later: the kernel keeps file pages mapped until memory is short.
   *
   * <p>File pages that are needed again come back by a fault each. With a page the kernel maps the
   * 15 around it that are in the page cache ("fault-around", since 3.15), so that soon all is
   * resident again, needed or not. The file that is the agent's alone is therefore taken out of the
   * page cache too, and read without readahead: what comes back is what is used.
   *
   * @param own a file that no other process maps, the archive of classes; it need not exist
   * @return bytes of file mappings that were let go
   * @throws IOException when /proc cannot be read
   */
  public static long giveBack(Path own) throws IOException {
    System.gc();
    Libc.malloc_trim();
    long released = 0;
    for (Mapping mapping : unchangedFiles()) {
      released += mapping.file.equals(own.toString()) ? mapping.forget() : mapping.release();
    }
    return released;
  }

  /** Mappings of files for reading, of which the process has no page of its own. */
  private static List<Mapping> unchangedFiles() throws IOException {
    List<Mapping> unchanged = new ArrayList<>();
    Mapping mapping = null;
    for (String line : Files.readAllLines(SMAPS)) {
      if (Mapping.isHead(line)) {
        mapping = Mapping.of(line);
      } else if (mapping != null && line.startsWith("Anonymous:")) {
        // Relocated or patched pages are the process' own: the file does not have what is in them.
        boolean clean = line.replaceAll("[^0-9]", "").equals("0");
        if (clean && mapping.readOnlyFile) {
          unchanged.add(mapping);
        }
        mapping = null;
      }
    }
    return unchanged;
  }

  private record Mapping(long begin, long end, boolean readOnlyFile, String file) {
    static boolean isHead(String line) {
      return !line.isEmpty() && Character.digit(line.charAt(0), 16) >= 0 && line.indexOf('-') > 0;
    }

    static Mapping of(String line) {
      List<String> words = List.of(line.split(" +", 6));
      int dash = words.getFirst().indexOf('-');
      String rights = words.get(1);
      String file = words.size() == 6 ? words.get(5) : "";
      return new Mapping(
          Long.parseUnsignedLong(words.getFirst(), 0, dash, 16),
          Long.parseUnsignedLong(words.getFirst(), dash + 1, words.getFirst().length(), 16),
          file.startsWith("/") && rights.startsWith("r-"),
          file);
    }

    long release() {
      return Libc.madvise(begin, end - begin, MADV_DONTNEED) == 0 ? end - begin : 0;
    }

    /**
     * Releases it, and takes what nobody maps then out of the page cache. Twice, since what runs
     * between the two calls touches pages, and gets those around them.
     */
    long forget() {
      try (Arena arena = Arena.ofConfined()) {
        int fd = Libc.open(arena.allocateFrom(file).address(), Libc.O_RDONLY);
        if (fd < 0) {
          return release();
        }
        int _ = Libc.madvise(begin, end - begin, MADV_RANDOM);
        for (int i = 0; i < 2; i++) {
          var _ = release();
          int _ = Libc.posix_fadvise(fd, POSIX_FADV_DONTNEED);
        }
        int _ = Libc.close(fd);
        return end - begin;
      }
    }
  }
}
