package io.bianque.streams.symbol;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;

/**
 * Whole stacks that were resolved before: the same few thousand make up nearly all of what comes.
 * Thread-safe.
 *
 * <p>Only stacks without an unresolved frame are kept, so that nothing here can become right when a
 * table comes, and nothing has a reason to tell again. What a table that changed makes wrong goes
 * with {@link #forget}.
 */
final class StackMemo {
  private final Cache<StackKey, Stack> stacks;

  /**
   * @param maxBytes heap that the stacks may take
   */
  StackMemo(long maxBytes) {
    this.stacks =
        Caffeine.newBuilder()
            .maximumWeight(maxBytes)
            .weigher(StackMemo::weight)
            .executor(Runnable::run)
            .build();
  }

  /**
   * As if no two stacks had a frame in common, which they do. Each frame is there as it is written,
   * too.
   */
  private static int weight(StackKey key, Stack stack) {
    int weight = 300 + key.weight();
    for (String frame : stack.frames()) {
      weight += 53 + 2 * frame.length();
    }
    return weight;
  }

  /** The stack, or null. */
  Stack find(StackKey key) {
    return stacks.getIfPresent(key);
  }

  void keep(StackKey key, Stack stack) {
    stacks.put(key, stack);
  }

  /** Forgets all that have a frame in that object. */
  void forget(String buildId, String object) {
    stacks.asMap().keySet().removeIf(key -> key.isIn(buildId, object));
  }

  /** Stacks that are kept. */
  long size() {
    stacks.cleanUp();
    return stacks.estimatedSize();
  }
}
