package io.bianque.agent.binary;

import io.bianque.agent.encode.CodeNames;
import io.bianque.agent.host.HostRoot;
import io.bianque.agent.libbpf.OwnThread;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Names of code that processes make, from the maps that they write for perf. A map is read when a
 * frame of its process asks for a name, by a thread that is there only while some do: the first
 * frames of a process stay without, and who asks never waits.
 *
 * <p>Any thread.
 */
public final class PerfMaps implements CodeNames {
  private static final Logger LOG = LoggerFactory.getLogger(PerfMaps.class);

  /** Between two looks at one process. */
  static final Duration AGAIN = Duration.ofSeconds(10);

  /** From a look on: another process may have the number by then. */
  private static final int VALID_LOOKS = 2;

  /** When nobody has asked for that long, all is given back. */
  private static final Duration IDLE = Duration.ofMinutes(1);

  /**
   * Between any two looks, in times of what the first took, some 0.2 ms where there is no map: new
   * processes, and many that write large maps, must not cost more than 2 % of a core.
   */
  private static final int PAUSE_FACTOR = 49;

  /** Where a file system was slow. */
  private static final Duration LONGEST_PAUSE = Duration.ofSeconds(5);

  private static final int MOST_PROCESSES = 1024;
  private static final int MOST_WAITING = 128;

  /** PROC_PID_INIT_INO: the namespace that the kernel's process numbers are of. */
  private static final long FIRST_PID_NAMESPACE = 0xeffffffcL;

  private final HostRoot host;
  private final long mostBytes;
  private final Duration again;

  // All that follows is guarded by this.

  /** The one that was asked for longest ago first. */
  private final LinkedHashMap<Integer, Known> processes = new LinkedHashMap<>(16, 0.75f, true);

  private final ArrayDeque<Integer> waiting = new ArrayDeque<>();
  private final Map<PerfMapFile.Reason, Long> none = new EnumMap<>(PerfMapFile.Reason.class);
  private Thread reader;
  private boolean foreignNumbers;
  private long bytes;
  private long read;
  private long unchanged;
  private long skipped;

  /** What is known of a process; times of {@link System#nanoTime}. */
  private static final class Known {
    PerfMap map = PerfMap.EMPTY;
    PerfMapFile.Version version;
    long nextLook;
    long validTo;

    Known(long now) {
      nextLook = now;
      validTo = now;
    }
  }

  /**
   * How it stands.
   *
   * @param bytes of memory in maps
   * @param looks at processes, by what they brought
   * @param skipped lines that were none of a map
   */
  public record Report(long bytes, Map<String, Long> looks, long skipped) {}

  /**
   * @param mostBytes of memory in maps, of all processes together
   */
  public PerfMaps(HostRoot host, long mostBytes) {
    this(host, mostBytes, AGAIN);
  }

  PerfMaps(HostRoot host, long mostBytes, Duration again) {
    this.host = host;
    this.mostBytes = mostBytes;
    this.again = again;
  }

  @Override
  public synchronized Code of(int process) {
    if (foreignNumbers) {
      return PerfMap.EMPTY;
    }
    long now = System.nanoTime();
    Known known = processes.get(process);
    if (known == null) {
      known = new Known(now);
      processes.put(process, known);
      if (processes.size() > MOST_PROCESSES) {
        drop(processes.pollFirstEntry().getValue());
      }
    }
    if (now - known.nextLook >= 0 && waiting.size() < MOST_WAITING) {
      known.nextLook = now + again.toNanos();
      waiting.add(process);
      wakeReader();
    }
    return now - known.validTo < 0 ? known.map : PerfMap.EMPTY;
  }

  public synchronized Report report() {
    Map<String, Long> looks = new TreeMap<>();
    for (PerfMapFile.Reason reason : PerfMapFile.Reason.values()) {
      looks.put(reason.word(), none.getOrDefault(reason, 0L));
    }
    looks.put("read", read);
    looks.put("unchanged", unchanged);
    return new Report(bytes, looks, skipped);
  }

  private void wakeReader() {
    if (reader == null) {
      reader = Thread.ofPlatform().daemon().name("bq-perf-maps").start(this::read);
    } else {
      notifyAll();
    }
  }

  private void read() {
    OwnThread.giveWay();
    try {
      if (numbersAreTheKernels()) {
        for (Integer process = next(); process != null; process = next()) {
          long begin = System.nanoTime();
          look(process);
          long took = System.nanoTime() - begin;
          LockSupport.parkNanos(Math.min(PAUSE_FACTOR * took, LONGEST_PAUSE.toNanos()));
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      ended();
    }
  }

  /** Null when nobody has asked for long. */
  private synchronized Integer next() throws InterruptedException {
    long end = System.nanoTime() + IDLE.toNanos();
    while (waiting.isEmpty()) {
      long millis = Duration.ofNanos(end - System.nanoTime()).toMillis();
      if (millis <= 0) {
        ended();
        return null;
      }
      wait(millis);
    }
    return waiting.remove();
  }

  /** The next frame begins anew. */
  private synchronized void ended() {
    if (Thread.currentThread().equals(reader)) {
      reader = null;
      waiting.clear();
      processes.clear();
      bytes = 0;
    }
  }

  /** Else a number means another process here. */
  private boolean numbersAreTheKernels() {
    Path first = host.path("proc/1/ns/pid");
    try {
      if (Files.getAttribute(first, "unix:ino").equals(FIRST_PID_NAMESPACE)) {
        return true;
      }
    } catch (IOException e) {
      // Who may not read this may not read the maps of others either, which each look says.
      LOG.debug("{}: {}", first, e.toString());
      return true;
    }
    LOG.warn(
        "{} is not of the first pid namespace: code that processes make keeps no names; run the"
            + " agent in the host's (hostPID, --pid=host)",
        first);
    synchronized (this) {
      foreignNumbers = true;
    }
    return false;
  }

  private void look(int process) {
    PerfMapFile.Version before = version(process);
    switch (PerfMapFile.look(host, process, before, mostBytes, this::makeRoom)) {
      case PerfMapFile.Look.Read(PerfMap map, int lines, PerfMapFile.Version version) ->
          take(process, map, version, lines);
      case PerfMapFile.Look.Unchanged() -> keep(process);
      case PerfMapFile.Look.None(PerfMapFile.Reason reason, String detail) ->
          lacks(process, reason, detail);
    }
  }

  private synchronized PerfMapFile.Version version(int process) {
    Known known = processes.get(process);
    return known == null ? null : known.version;
  }

  private synchronized void take(int process, PerfMap map, PerfMapFile.Version version, int lines) {
    read++;
    skipped += lines;
    Known known = processes.get(process);
    if (known == null) {
      return;
    }
    drop(known);
    bytes += map.bytes();
    known.map = map;
    known.version = version;
    known.validTo = System.nanoTime() + again.toNanos() * VALID_LOOKS;
  }

  private synchronized void keep(int process) {
    unchanged++;
    Known known = processes.get(process);
    if (known != null) {
      known.validTo = System.nanoTime() + again.toNanos() * VALID_LOOKS;
    }
  }

  private synchronized void lacks(int process, PerfMapFile.Reason reason, String detail) {
    long times = none.merge(reason, 1L, Long::sum);
    Known known = processes.get(process);
    if (known != null) {
      drop(known);
    }
    if (times == 1 && reason != PerfMapFile.Reason.ABSENT) {
      LOG.info(
          "perf map of process {}: {}: {}; later ones are only counted",
          process,
          reason.word(),
          detail);
    }
  }

  /** Before a map is read, so that it never is in memory beside what it takes the place of. */
  private synchronized void makeRoom(long more) {
    for (Known known : processes.values()) {
      if (bytes + more <= mostBytes) {
        return;
      }
      drop(known);
    }
  }

  private void drop(Known known) {
    bytes -= known.map.bytes();
    known.map = PerfMap.EMPTY;
    known.version = null;
  }
}
