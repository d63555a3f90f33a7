package io.bianque.agent.probe;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A folder of probes that may change while the agent runs: what is dropped into it is started, what
 * changes is started anew, what is taken away is stopped. One thread at a time.
 */
public final class OwnProbes {
  private static final Logger LOG = LoggerFactory.getLogger(OwnProbes.class);

  private final Path folder;
  private final Probes probes;
  private final Consumer<ProbeFiles> announce;
  private Map<String, String> seen = Map.of();
  private Map<String, String> taken = Map.of();
  private String saidTrouble = "";

  /**
   * @param announce told of a probe's files before any of its events
   */
  public OwnProbes(Path folder, Probes probes, Consumer<ProbeFiles> announce) {
    this.folder = folder;
    this.probes = probes;
    this.announce = announce;
  }

  /** Takes what is there, however new it is: to be called once, before the probes are started. */
  public void begin() {
    look();
    look();
  }

  /**
   * Looks what has changed. A file that changed since the look before is left alone until it keeps
   * still: it is being copied.
   */
  public void look() {
    Map<String, ProbeFiles> files = new TreeMap<>();
    if (isTrusted()) {
      ProbeFiles.in(List.of(folder)).forEach(each -> files.put(each.name(), each));
    }
    Map<String, String> now = new HashMap<>();
    files.forEach((name, each) -> now.put(name, stamp(each)));
    now.forEach((name, stamp) -> {
      if (stamp.equals(seen.get(name)) && !stamp.equals(taken.get(name))) {
        announce.accept(files.get(name));
        probes.put(files.get(name));
      }
    });
    taken.keySet().stream().filter(name -> !now.containsKey(name)).forEach(probes::remove);
    Map<String, String> next = new HashMap<>();
    now.forEach((name, stamp) -> {
      String held = stamp.equals(seen.get(name)) ? stamp : taken.get(name);
      if (held != null) {
        next.put(name, held);
      }
    });
    taken = next;
    seen = now;
  }

  /** Whoever can write to it can run programs in the kernel: that is for the agent's user alone. */
  private boolean isTrusted() {
    String trouble = trouble();
    if (!trouble.isEmpty() && !trouble.equals(saidTrouble)) {
      LOG.warn("no probe of {} is loaded: {}", folder, trouble);
    }
    saidTrouble = trouble;
    return trouble.isEmpty();
  }

  private String trouble() {
    try {
      if (!Files.exists(folder)) {
        return "there is no such folder";
      }
      PosixFileAttributes of = Files.readAttributes(folder, PosixFileAttributes.class);
      Object self =
          Files.getAttribute(Path.of("/proc/self"), "unix:uid", LinkOption.NOFOLLOW_LINKS);
      if (!Files.getAttribute(folder, "unix:uid").equals(self)) {
        return "it belongs to " + of.owner().getName() + ", not to the agent's user";
      }
      boolean open =
          of.permissions().contains(PosixFilePermission.GROUP_WRITE)
              || of.permissions().contains(PosixFilePermission.OTHERS_WRITE);
      return open ? "others may write to it: chmod go-w " + folder : "";
    } catch (IOException e) {
      return e.toString();
    }
  }

  private static String stamp(ProbeFiles files) {
    StringBuilder stamp = new StringBuilder();
    files.object().ifPresent(object -> stamp(stamp, object));
    files.schemas().forEach(schema -> stamp(stamp, schema));
    return stamp.toString();
  }

  private static void stamp(StringBuilder stamp, Path file) {
    try {
      stamp
          .append(file.getFileName())
          .append(' ')
          .append(Files.size(file))
          .append(' ')
          .append(Files.getLastModifiedTime(file).toMillis())
          .append('\n');
    } catch (IOException e) {
      stamp.append(file.getFileName()).append(" gone\n");
    }
  }
}
