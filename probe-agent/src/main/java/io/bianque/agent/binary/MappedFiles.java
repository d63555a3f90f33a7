package io.bianque.agent.binary;

import io.bianque.agent.host.HostRoot;
import io.bianque.agent.libbpf.OwnThread;
import io.bianque.facts.SymbolChunk;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The files whose code running processes have mapped, in containers as well, and deleted ones too.
 *
 * <p>Each is opened through {@code /proc/<pid>/map_files}, which leads to the file itself. Its path
 * would be followed in folders that a process of a container may change meanwhile, and might end at
 * a device of the host.
 */
public final class MappedFiles {
  private static final Logger LOG = LoggerFactory.getLogger(MappedFiles.class);

  /** Object of the tables, beside the build id. */
  public static final String OBJECT = "user";

  /** Of one look at all processes. */
  private static final Duration LONGEST = Duration.ofSeconds(30);

  /** Different ones of one look; a host with hundreds of containers has some thousands. */
  private static final int MOST_FILES = 20_000;

  /** What one host may put into the topic, whatever its users build and run. */
  private static final long MOST_BYTES_AN_HOUR = 256L << 20;

  private static final int ROOT = 0;
  private static final int MOST_NAME = 128;
  private static final String DELETED = " (deleted)";

  private final HostRoot host;
  private long hourEnds = System.nanoTime();
  private long bytesThisHour;

  public MappedFiles(HostRoot host) {
    this.host = host;
  }

  /** Whether a table, {@code <build id>/<object>}, is one of a file. */
  public static boolean has(String table) {
    return table.endsWith("/" + OBJECT);
  }

  /**
   * A file that a process runs.
   *
   * @param link in map_files
   * @param identity device and inode
   * @param name without its folder
   */
  private record Mapped(Path link, String identity, String name) {}

  /** One look at all processes. */
  private final class Look {
    private final Predicate<String> wanted;
    private final Consumer<SymbolChunk> sink;
    private final long end = System.nanoTime() + LONGEST.toNanos();
    private final Set<String> seen = new HashSet<>();
    private final Set<String> published = new HashSet<>();

    /** By build id, files of owners other than root, which are taken when root has none. */
    private final Map<String, Mapped> others = new HashMap<>();

    private int refused;

    Look(Predicate<String> wanted, Consumer<SymbolChunk> sink) {
      this.wanted = wanted;
      this.sink = sink;
    }

    boolean isOver() {
      return System.nanoTime() - end > 0 || seen.size() >= MOST_FILES;
    }

    void process(Path process) {
      try (BufferedReader maps =
          Files.newBufferedReader(process.resolve("maps"), StandardCharsets.ISO_8859_1)) {
        for (String line = maps.readLine(); line != null && !isOver(); line = maps.readLine()) {
          mapped(process, line).filter(each -> seen.add(each.identity())).ifPresent(this::file);
        }
      } catch (IOException e) {
        note(e);
      }
    }

    private void file(Mapped mapped) {
      try {
        Map<String, Object> attributes =
            Files.readAttributes(mapped.link(), "unix:uid,isRegularFile");
        if (!attributes.get("isRegularFile").equals(true)) {
          return;
        }
        Optional<String> buildId;
        try (ElfFile elf = ElfFile.open(mapped.link())) {
          buildId = elf.buildId();
          if (buildId.isEmpty()
              || published.contains(buildId.get())
              || !wanted.test(buildId.get() + "/" + OBJECT)) {
            return;
          }
          if (attributes.get("uid").equals(ROOT)) {
            publish(elf, buildId.get(), mapped.name());
            return;
          }
        }
        others.putIfAbsent(buildId.get(), mapped);
      } catch (IOException e) {
        note(e);
      }
    }

    void publishOthers() {
      others.keySet().removeAll(published);
      others.forEach((buildId, mapped) -> {
        try (ElfFile elf = ElfFile.open(mapped.link())) {
          // Another file may be mapped there by now.
          if (elf.buildId().equals(Optional.of(buildId))) {
            publish(elf, buildId, mapped.name());
          }
        } catch (IOException e) {
          note(e);
        }
      });
    }

    private void publish(ElfFile elf, String buildId, String name) throws IOException {
      TableChunks chunks = new TableChunks(buildId, OBJECT, name, sink);
      if (!withinBudget()) {
        LOG.warn(
            "{} {}: no functions are published: {} bytes an hour are the most",
            name,
            buildId,
            MOST_BYTES_AN_HOUR);
        return;
      }
      try {
        elf.functions(chunks);
        chunks.finish();
      } finally {
        bytesThisHour += chunks.bytes();
      }
      published.add(buildId);
      LOG.info(
          "{} {}: {} functions are published{}",
          name,
          buildId,
          chunks.functions(),
          chunks.isFull() ? "; it has more, which keep no names" : "");
    }

    /** Processes end while they are looked at, and what is mapped need be no program. */
    private void note(IOException e) {
      if (e instanceof AccessDeniedException || isNotPermitted(e)) {
        refused++;
      } else if (!(e instanceof NoSuchFileException)) {
        LOG.debug("left out: {}", e.toString());
      }
    }

    void summary() {
      if (refused > 0) {
        LOG.info(
            "{} processes or files of theirs may not be read: their functions keep no names;"
                + " CAP_SYS_PTRACE, and CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE, allow it",
            refused);
      }
      if (isOver()) {
        LOG.warn(
            "not all processes were looked at for symbols: {} files in {}", seen.size(), LONGEST);
      }
    }
  }

  private boolean withinBudget() {
    if (System.nanoTime() - hourEnds > 0) {
      hourEnds = System.nanoTime() + Duration.ofHours(1).toNanos();
      bytesThisHour = 0;
    }
    return bytesThisHour < MOST_BYTES_AN_HOUR;
  }

  private static boolean isNotPermitted(IOException e) {
    return e instanceof FileSystemException each
        && "Operation not permitted".equals(each.getReason());
  }

  /**
   * Hands each chunk of each table that is wanted, and whose file is mapped, to the sink, on this
   * thread, which gives way to all others from then on.
   *
   * <p>Of several files that say they are of one build the first one of root is taken: anybody may
   * write a build id into a file.
   *
   * @param wanted which tables, by {@code <build id>/user}
   */
  public void stream(Predicate<String> wanted, Consumer<SymbolChunk> sink) {
    OwnThread.giveWay();
    Look look = new Look(wanted, sink);
    try (DirectoryStream<Path> processes = Files.newDirectoryStream(host.path("proc"), "[1-9]*")) {
      for (Path process : processes) {
        if (look.isOver()) {
          break;
        }
        look.process(process);
      }
    } catch (IOException e) {
      LOG.warn("processes cannot be listed: {}", e.toString());
    }
    look.publishOthers();
    look.summary();
  }

  /**
   * Of a line {@code 55c0e000-55c0f000 r-xp 00002000 fd:01 4711 /usr/bin/name}, if it is code of a
   * file.
   */
  private static Optional<Mapped> mapped(Path process, String line) {
    List<String> words = List.of(line.split(" +", 6));
    if (words.size() < 6 || words.get(1).charAt(2) != 'x' || words.get(4).equals("0")) {
      return Optional.empty();
    }
    String path = words.get(5);
    if (path.endsWith(DELETED)) {
      path = path.substring(0, path.length() - DELETED.length());
    }
    String name =
        new String(
            path.substring(path.lastIndexOf('/') + 1).getBytes(StandardCharsets.ISO_8859_1),
            StandardCharsets.UTF_8);
    // There addresses have no leading zeros.
    String range = words.getFirst().replaceFirst("^0+", "").replaceFirst("-0+", "-");
    return Optional.of(
        new Mapped(
            process.resolve("map_files").resolve(range),
            words.get(3) + " " + words.get(4),
            TableChunks.printable(
                name.length() > MOST_NAME ? name.substring(0, MOST_NAME) : name)));
  }
}
