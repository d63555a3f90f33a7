package io.bianque.agent.control;

import io.bianque.facts.SymbolRequest;
import java.util.HashSet;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Which tables of symbols this host is asked for. A later record with the same key takes the place
 * of an earlier one: the table has come, or another host is asked. For one thread.
 */
final class SymbolRequests {
  private final String hostId;
  private final Consumer<Set<String>> asked;
  private final Set<String> open = new HashSet<>();

  /**
   * @param asked takes tables to publish, each as {@code <build id>/<object>}
   */
  SymbolRequests(String hostId, Consumer<Set<String>> asked) {
    this.hostId = hostId;
    this.asked = asked;
  }

  /** Takes a request of the topic. It has its effect with the next {@link #settle}. */
  void request(String key, SymbolRequest request) {
    if (request.getHostId().equals(hostId)) {
      open.add(key);
    } else {
      open.remove(key);
    }
  }

  /** The table has come. */
  void withdrawn(String key) {
    open.remove(key);
  }

  /** Passes on what is asked of this host. */
  void settle() {
    if (!open.isEmpty()) {
      asked.accept(Set.copyOf(open));
      open.clear();
    }
  }
}
