package io.bianque.agent.source;

import io.bianque.agent.libbpf.BpfException;
import io.bianque.agent.libbpf.OpenFile;
import io.bianque.agent.source.Psi.Resource;
import io.bianque.agent.source.PsiTrigger.Share;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Pressure stall information: how long tasks waited for what was short, of the host and of each
 * cgroup of the second version; and triggers, by which the kernel itself watches the host's.
 */
final class Pressure implements Source {
  private static final String WINDOW_MS = "window_ms";

  static final SourceKind KIND =
      new SourceKind(
          "psi",
          "/proc/pressure",
          List.of(Psi.class, PsiTrigger.class),
          List.of(
              // Windows of other lengths than 2, 4 … 10 s take CAP_SYS_RESOURCE since 6.6.
              new Tunable(WINDOW_MS, 2000, 500, 10_000),
              threshold(Resource.CPU, Share.SOME, 1500),
              threshold(Resource.MEMORY, Share.SOME, 300),
              threshold(Resource.MEMORY, Share.FULL, 100),
              threshold(Resource.IO, Share.SOME, 1500),
              threshold(Resource.IO, Share.FULL, 1000)),
          Pressure::new);

  private static final Path HOST = Path.of("/proc/pressure");
  private static final Path MOUNTS = Path.of("/proc/self/mountinfo");
  private static final String TOTAL = "total=";

  /** Places of the two figures of a resource. */
  private static final int SOME = 0;

  private static final int FULL = 1;

  /** Cgroups that one turn looks at: some 3 ms. */
  private static final int CGROUPS_A_TURN = 64;

  private final Map<String, Long> tunables;
  private final Optional<Path> root;
  private final Totals<Key> totals = new Totals<>();
  private final Queue<Path> toVisit = new ArrayDeque<>();
  private final Set<Key> seen = new HashSet<>();
  private final List<Trigger> triggers = new ArrayList<>();

  /** Cgroup 0 is the host. */
  private record Key(long cgroup, Resource resource) {}

  private record Trigger(Resource resource, Share share, long thresholdMs, OpenFile file) {}

  /** Takes what there is of one resource of the host or a cgroup. */
  @FunctionalInterface
  private interface Handler {
    void pressure(Key key, Optional<String> path, long[] stalled);
  }

  private static Tunable threshold(Resource resource, Share share, long byDefault) {
    return new Tunable(name(resource, share), byDefault, 0, 10_000);
  }

  private static String name(Resource resource, Share share) {
    return (resource + "_" + share + "_ms").toLowerCase(Locale.ROOT);
  }

  private Pressure(Map<String, Long> tunables) {
    this.tunables = tunables;
    this.root = unifiedHierarchy();
    begin();
    if (seen.isEmpty()) {
      throw new SourceAbsent(
          "this kernel keeps no pressure figures in /proc/pressure; boot it with psi=1");
    }
    try {
      for (Resource resource : Resource.values()) {
        for (Share share : Share.values()) {
          arm(resource, share);
        }
      }
    } catch (BpfException e) {
      close();
      throw e;
    }
  }

  /** What was before the epoch is not counted. */
  private void begin() {
    Handler first =
        (key, _, stalled) -> {
          seen.add(key);
          totals.begin(key, stalled);
        };
    host(first);
    root.ifPresent(toVisit::add);
    visit(Integer.MAX_VALUE, first);
  }

  private void arm(Resource resource, Share share) {
    long threshold = tunables.getOrDefault(name(resource, share), 0L);
    Path file = HOST.resolve(fileName(resource));
    if (threshold == 0 || !Files.exists(file)) {
      return;
    }
    OpenFile open = OpenFile.readWrite(file);
    triggers.add(new Trigger(resource, share, threshold, open));
    open.write(
        "%s %d %d"
            .formatted(
                share.name().toLowerCase(Locale.ROOT),
                TimeUnit.MILLISECONDS.toMicros(threshold),
                TimeUnit.MILLISECONDS.toMicros(tunables.get(WINDOW_MS))));
  }

  @Override
  public int drain(int maxRecords, Consumer<Record> out) {
    int count = 0;
    for (Trigger trigger : triggers) {
      if (trigger.file().hasFired()) {
        count++;
        out.accept(
            new PsiTrigger(
                trigger.resource(),
                trigger.share(),
                TimeUnit.MILLISECONDS.toNanos(trigger.thresholdMs()),
                TimeUnit.MILLISECONDS.toNanos(tunables.get(WINDOW_MS)),
                stalled(HOST.resolve(fileName(trigger.resource())))
                    .map(stalled -> stalled[trigger.share() == Share.SOME ? SOME : FULL])
                    .orElse(0L)));
      }
    }
    return count;
  }

  @Override
  public boolean poll(Consumer<Record> out) {
    Handler emit =
        (key, path, stalled) -> {
          seen.add(key);
          totals
              .add(key, stalled, stalled.length)
              .ifPresent(total -> out.accept(record(key, path, total)));
        };
    if (toVisit.isEmpty()) {
      seen.clear();
      host(emit);
      root.ifPresent(toVisit::add);
    }
    visit(CGROUPS_A_TURN, emit);
    if (toVisit.isEmpty()) {
      totals.retain(seen);
    }
    return toVisit.isEmpty();
  }

  private static Psi record(Key key, Optional<String> path, long[] total) {
    return new Psi(key.resource(), path.map(_ -> key.cgroup()), path, total[SOME], total[FULL]);
  }

  private static void host(Handler handler) {
    for (Resource resource : Resource.values()) {
      stalled(HOST.resolve(fileName(resource)))
          .ifPresent(stalled -> handler.pressure(new Key(0, resource), Optional.empty(), stalled));
    }
  }

  private void visit(int cgroups, Handler handler) {
    for (int i = 0; i < cgroups && !toVisit.isEmpty(); i++) {
      Path folder = toVisit.remove();
      try {
        visit(folder, handler);
      } catch (IOException gone) {
        // A cgroup that ended meanwhile.
      }
    }
  }

  private void visit(Path folder, Handler handler) throws IOException {
    Map<String, Object> attributes = Files.readAttributes(folder, "unix:ino,nlink");
    // The root's is the host's.
    if (!folder.equals(root.orElseThrow())) {
      Optional<String> path = Optional.of("/" + root.orElseThrow().relativize(folder));
      for (Resource resource : Resource.values()) {
        stalled(folder.resolve(fileName(resource) + ".pressure"))
            .ifPresent(stalled ->
                handler.pressure(new Key((long) attributes.get("ino"), resource), path, stalled));
      }
    }
    // Each child is a link to it, beside its own two.
    if ((int) attributes.get("nlink") > 2) {
      try (DirectoryStream<Path> children = Files.newDirectoryStream(folder, Files::isDirectory)) {
        children.forEach(toVisit::add);
      }
    }
  }

  private static String fileName(Resource resource) {
    return resource.name().toLowerCase(Locale.ROOT);
  }

  /** Some and full, in ns; empty where this kernel has no such figure, or keeps it no more. */
  private static Optional<long[]> stalled(Path file) {
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    try {
      long[] stalled = new long[2];
      for (String line : Files.readAllLines(file)) {
        long micros = Long.parseLong(line.substring(line.indexOf(TOTAL) + TOTAL.length()));
        stalled[line.startsWith("some") ? SOME : FULL] = TimeUnit.MICROSECONDS.toNanos(micros);
      }
      return Optional.of(stalled);
    } catch (IOException notKept) {
      return Optional.empty();
    }
  }

  /** Where the cgroups of the second version are mounted, beside the first version's or alone. */
  private static Optional<Path> unifiedHierarchy() {
    try {
      return Files.readAllLines(MOUNTS).stream()
          .filter(line -> line.contains(" - cgroup2 "))
          .map(line -> Path.of(line.split(" ", -1)[4]))
          .findFirst();
    } catch (IOException e) {
      throw new UncheckedIOException(MOUNTS + ": cannot be read", e);
    }
  }

  @Override
  public void close() {
    triggers.forEach(trigger -> trigger.file().close());
  }
}
