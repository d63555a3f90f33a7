package io.bianque.agent.container;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Looks through hierarchies for all their cgroups. For one thread.
 *
 * <p>One stat a cgroup, and one listing for each that has others below it: the kernel tells that by
 * the number of a folder's links. 1,000 cgroups take 6 ms of CPU (6.18).
 */
final class CgroupWalk {
  /** Beyond it a host's cgroups are not looked at: there is a leak, and not only here. */
  static final int MOST = 10_000;

  /** Of a folder with none below it: its own and its parent's entry. */
  private static final int LINKS_OF_LEAF = 2;

  /**
   * A cgroup that is there.
   *
   * @param since when the kernel first looked its folder up: at its start, or later
   */
  record Found(Hierarchy hierarchy, long id, String path, Instant since) {}

  /**
   * What a walk found.
   *
   * @param complete false when there are more than {@link #MOST}, or a hierarchy cannot be listed
   */
  record Result(List<Found> cgroups, boolean complete) {}

  /** Names that are files wherever they stand: a listing does not say what is one. */
  private final Set<String> files = new HashSet<>();

  /** All cgroups but the roots, each before those below it. */
  Result walk(List<Hierarchy> hierarchies) {
    List<Found> found = new ArrayList<>();
    boolean complete = true;
    for (Hierarchy hierarchy : hierarchies) {
      complete &= below(hierarchy, hierarchy.root(), "", found);
    }
    return new Result(found, complete && found.size() < MOST);
  }

  /** Whether the folder was there. */
  private boolean below(Hierarchy hierarchy, Path folder, String path, List<Found> found) {
    try (DirectoryStream<Path> names = Files.newDirectoryStream(folder)) {
      for (Path each : names) {
        String name = each.getFileName().toString();
        if (!files.contains(name) && found.size() < MOST) {
          visit(hierarchy, each, path + "/" + name, name, found);
        }
      }
      return true;
    } catch (IOException | DirectoryIteratorException gone) {
      // Between one look at it and the next, as cgroups do.
      return false;
    }
  }

  private void visit(
      Hierarchy hierarchy, Path folder, String path, String name, List<Found> found) {
    Map<String, Object> attributes;
    try {
      attributes =
          Files.readAttributes(
              folder, "unix:ino,nlink,ctime,isDirectory", LinkOption.NOFOLLOW_LINKS);
    } catch (IOException gone) {
      return;
    }
    if (!(Boolean) attributes.get("isDirectory")) {
      files.add(name);
      return;
    }
    found.add(
        new Found(
            hierarchy,
            (Long) attributes.get("ino"),
            path,
            ((FileTime) attributes.get("ctime")).toInstant()));
    if ((Integer) attributes.get("nlink") > LINKS_OF_LEAF) {
      var _ = below(hierarchy, folder, path, found);
    }
  }
}
