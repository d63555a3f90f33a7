package io.bianque.agent.source;

import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Totals since the epoch, of counters that the kernel counts since a beginning of its own. A
 * counter that is less than it was has begun anew.
 */
final class Totals<K> {
  private final Map<K, Counters> all = new HashMap<>();

  private static final class Counters {
    final long[] last;
    final long[] total;

    Counters(long[] last) {
      this.last = last.clone();
      this.total = new long[last.length];
    }
  }

  /** What has been counted of it up to now was before the epoch. */
  void begin(K key, long[] now) {
    all.put(key, new Counters(now));
  }

  /**
   * Counts what was added; of a key that is new, all.
   *
   * @param deciding so many of the counters, the first ones, decide whether there is news
   * @return the totals that it has now; empty when none of those has moved
   */
  Optional<long[]> add(K key, long[] now, int deciding) {
    Counters counters = all.computeIfAbsent(key, _ -> new Counters(new long[now.length]));
    boolean news = false;
    for (int i = 0; i < now.length; i++) {
      long added = now[i] >= counters.last[i] ? now[i] - counters.last[i] : now[i];
      counters.total[i] += added;
      counters.last[i] = now[i];
      news |= i < deciding && added > 0;
    }
    return news ? Optional.of(counters.total.clone()) : Optional.empty();
  }

  /** Forgets those that are no more. */
  void retain(Collection<K> keys) {
    all.keySet().retainAll(keys);
  }
}
