package io.bianque.agent.host;

import java.util.Set;
import java.util.stream.Collectors;

/** Notices that kernel modules came or went. One thread; reads one small file a look. */
public final class ModuleWatch {
  private final HostRoot host;
  private Set<String> loaded;

  public ModuleWatch(HostRoot host) {
    this.host = host;
    this.loaded = loaded();
  }

  /** Whether another set of modules is loaded, or one at another place, than at the last look. */
  public boolean changed() {
    Set<String> before = loaded;
    loaded = loaded();
    return !loaded.equals(before);
  }

  /**
   * Name and address, first and sixth word; the words between count users and change all the time.
   */
  private Set<String> loaded() {
    return host.text("proc/modules").stream()
        .flatMap(String::lines)
        .map(line -> line.split(" ", -1))
        .filter(words -> words.length > 5)
        .map(words -> words[0] + " " + words[5])
        .collect(Collectors.toUnmodifiableSet());
  }
}
