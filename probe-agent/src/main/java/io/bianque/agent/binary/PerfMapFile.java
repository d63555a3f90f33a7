package io.bianque.agent.binary;

import io.bianque.agent.host.HostRoot;
import io.bianque.agent.libbpf.BpfException;
import io.bianque.agent.libbpf.OpenFile;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.LongConsumer;

/**
 * {@code /tmp/perf-<pid>.map} of a process, as the process itself sees that path and its own
 * number: it may be in a container.
 *
 * <p>Whoever runs the process may put there what he likes, and change it meanwhile. So no link is
 * followed, and what is there is held before it is looked at and opened: a FIFO would keep the
 * reader waiting, and opening a device may do something.
 */
final class PerfMapFile {
  /** Ten times what large JVMs write. */
  static final long MOST_BYTES = 16 << 20;

  /** Of the times in /proc, on every machine. */
  private static final Duration TICK = Duration.ofMillis(10);

  /**
   * What times of files and of processes may differ by though they are the same. Not more: a JVM
   * that restarts in its container has the number, and finds the file, that another wrote at its
   * end, some tenths of a second before.
   */
  private static final Duration TOLERANCE = Duration.ofMillis(50);

  private static final int ROOT = 0;

  /** What a look at a process brings. */
  sealed interface Look {
    /** A map, and how many lines of the file were none. */
    record Read(PerfMap map, int skipped, Version version) implements Look {}

    /** It is as it was. */
    record Unchanged() implements Look {}

    /** There is none that could be used. */
    record None(Reason reason, String detail) implements Look {}
  }

  /** Why there is no map. */
  enum Reason {
    /** No such file, or no such process any more. */
    ABSENT,
    NOT_PERMITTED,
    /** A link, a FIFO, a device, a folder. */
    NOT_REGULAR,
    /** It belongs to neither the user of the process nor root. */
    FOREIGN,
    /** It was written before the process began. */
    EARLIER,
    TOO_LARGE,
    UNREADABLE;

    /** A stable word for counting: {@code not-permitted}. */
    String word() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  /**
   * A state of the file, of one process.
   *
   * @param start of the process, in ticks since the machine was started
   * @param file device and inode
   * @param changed the file's ctime, which nobody can set
   */
  record Version(long start, Object file, long size, FileTime changed) {}

  /** What /proc says of a process: its own number is that in its innermost namespace. */
  private record Status(int ownNumber, int uid) {}

  private PerfMapFile() {}

  /**
   * Looks at a process.
   *
   * @param before what was read last; null: nothing was
   * @param mostBytes of memory that a map may take
   * @param room told before one is read what it will take at most
   */
  static Look look(HostRoot host, int process, Version before, long mostBytes, LongConsumer room) {
    Path folder = host.path("proc/" + process);
    try {
      long start = start(folder);
      Status status = status(folder);
      String name = "perf-" + status.ownNumber + ".map";
      try (OpenFile tmp = OpenFile.place(folder.resolve("root/tmp"));
          OpenFile file = OpenFile.place(tmp.link().resolve(name))) {
        Look look = look(host, file.link(), start, status.uid, before, mostBytes, room);
        // Else it is another process' by now.
        return start(folder) == start ? look : new Look.None(Reason.ABSENT, "the process is gone");
      }
    } catch (PerfMapReader.TooLarge e) {
      return new Look.None(
          Reason.TOO_LARGE,
          "more than %d bytes, %d in memory or %d functions"
              .formatted(MOST_BYTES, mostBytes, PerfMapReader.MOST_FUNCTIONS));
    } catch (NoSuchFileException e) {
      return new Look.None(Reason.ABSENT, e.getMessage());
    } catch (AccessDeniedException e) {
      return new Look.None(Reason.NOT_PERMITTED, e.getMessage());
    } catch (IOException e) {
      return new Look.None(Reason.UNREADABLE, e.toString());
    } catch (BpfException e) {
      return new Look.None(reason(e), e.getMessage());
    }
  }

  private static Reason reason(BpfException e) {
    return switch (e.errnoName()) {
      case "ENOENT", "ESRCH" -> Reason.ABSENT;
      case "EACCES", "EPERM" -> Reason.NOT_PERMITTED;
      case "ENOTDIR", "ELOOP" -> Reason.NOT_REGULAR;
      default -> Reason.UNREADABLE;
    };
  }

  private static Look look(
      HostRoot host,
      Path held,
      long start,
      int uid,
      Version before,
      long mostBytes,
      LongConsumer room)
      throws IOException {
    Map<String, Object> attributes =
        Files.readAttributes(held, "unix:isRegularFile,uid,size,lastModifiedTime,ctime,fileKey");
    if (!attributes.get("isRegularFile").equals(true)) {
      return new Look.None(Reason.NOT_REGULAR, "it is no regular file");
    }
    int owner = (int) attributes.get("uid");
    if (owner != uid && owner != ROOT) {
      return new Look.None(
          Reason.FOREIGN, "it belongs to user %d, the process to %d".formatted(owner, uid));
    }
    Instant written = ((FileTime) attributes.get("lastModifiedTime")).toInstant();
    if (written.isBefore(began(host, start).minus(TOLERANCE))) {
      return new Look.None(Reason.EARLIER, "it was written before the process began");
    }
    long size = (long) attributes.get("size");
    Version version =
        new Version(start, attributes.get("fileKey"), size, (FileTime) attributes.get("ctime"));
    if (version.equals(before)) {
      return new Look.Unchanged();
    }
    if (size > MOST_BYTES) {
      throw new PerfMapReader.TooLarge();
    }
    room.accept(Math.min(size, mostBytes));
    try (InputStream in = Files.newInputStream(held)) {
      PerfMapReader.Result result = PerfMapReader.read(in, MOST_BYTES, mostBytes);
      return new Look.Read(result.map(), result.skipped(), version);
    }
  }

  private static Instant began(HostRoot host, long start) throws IOException {
    Instant now = Instant.now();
    String uptime = Files.readString(host.path("proc/uptime"));
    long upMillis = Math.round(1e3 * Double.parseDouble(uptime.substring(0, uptime.indexOf(' '))));
    return now.minusMillis(upMillis).plus(TICK.multipliedBy(start));
  }

  private static long start(Path process) throws IOException {
    String stat = Files.readString(process.resolve("stat"), StandardCharsets.ISO_8859_1);
    // The name is in parentheses and may hold anything, and starttime is the 20th behind it.
    return Long.parseLong(stat.substring(stat.lastIndexOf(')') + 2).split(" ", 21)[19]);
  }

  private static Status status(Path process) throws IOException {
    int ownNumber = -1;
    int uid = -1;
    for (String line : Files.readAllLines(process.resolve("status"), StandardCharsets.ISO_8859_1)) {
      List<String> words = List.of(line.split("\\s+", -1));
      if (words.getFirst().equals("NSpid:")) {
        ownNumber = Integer.parseInt(words.getLast());
      } else if (words.getFirst().equals("Uid:")) {
        uid = Integer.parseInt(words.get(2)); // The effective one.
      }
    }
    return new Status(ownNumber, uid);
  }
}
