package io.bianque.agent.container;

import io.bianque.agent.host.HostRoot;
import io.bianque.schemas.raw.CgroupId;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A mounted hierarchy of cgroups by whose ids events may name one.
 *
 * @param name {@link CgroupId#UNIFIED}, or the controller that has it to itself (v1)
 * @param controllers whose ids are of this hierarchy, its own name among them
 */
record Hierarchy(String name, List<String> controllers, Path root) {
  private static final Logger LOG = LoggerFactory.getLogger(Hierarchy.class);

  /** What v1 calls otherwise. */
  private static final Map<String, String> NAMES = Map.of("blkio", "io");

  /**
   * Those that are mounted now.
   *
   * <p>A mount that shows a part of its hierarchy only is left out: paths in it would not be those
   * that the kernel and everybody else have.
   */
  static List<Hierarchy> mounted(HostRoot host) {
    Map<String, Path> v1 = new TreeMap<>();
    Path unified = null;
    for (String line : cgroupMounts(host)) {
      String[] words = line.split(" ", -1);
      int dash = List.of(words).indexOf("-");
      if (dash < 0 || dash + 3 >= words.length || !words[3].equals("/")) {
        continue;
      }
      Path root = host.path(unescaped(words[4]).substring(1));
      if (words[dash + 1].equals("cgroup2")) {
        unified = unified == null ? root : unified;
      } else if (words[dash + 1].equals("cgroup")) {
        for (String option : words[dash + 3].split(",", -1)) {
          String controller = NAMES.getOrDefault(option, option);
          if (CgroupId.CONTROLLERS.contains(controller)) {
            v1.putIfAbsent(controller, root);
          }
        }
      }
    }
    List<Hierarchy> found = new ArrayList<>();
    if (unified != null) {
      Set<String> answersFor = new HashSet<>(CgroupId.CONTROLLERS);
      answersFor.removeAll(v1.keySet());
      List<String> controllers = new ArrayList<>(List.of(CgroupId.UNIFIED));
      controllers.addAll(new TreeSet<>(answersFor));
      found.add(new Hierarchy(CgroupId.UNIFIED, controllers, unified));
    }
    v1.forEach(
        (controller, root) -> found.add(new Hierarchy(controller, List.of(controller), root)));
    return found;
  }

  /** Each container adds its mounts to the file: only the lines that matter are kept. */
  private static List<String> cgroupMounts(HostRoot host) {
    // Below another root the agent's own mounts are not the host's; those of its first process are.
    String file = host.equals(HostRoot.SYSTEM) ? "proc/self/mountinfo" : "proc/1/mountinfo";
    try (Stream<String> lines = Files.lines(host.path(file), StandardCharsets.ISO_8859_1)) {
      return lines.filter(line -> line.contains(" - cgroup")).toList();
    } catch (IOException | UncheckedIOException e) {
      LOG.warn("no cgroup is known, {} cannot be read: {}", host.path(file), e.toString());
      return List.of();
    }
  }

  /** The kernel writes white space and backslashes in octal. */
  private static String unescaped(String path) {
    return path.replace("\\040", " ")
        .replace("\\011", "\t")
        .replace("\\012", "\n")
        .replace("\\134", "\\");
  }
}
