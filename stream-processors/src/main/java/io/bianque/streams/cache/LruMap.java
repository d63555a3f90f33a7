package io.bianque.streams.cache;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Keeps a number of entries at most: one more takes the place of the one that was neither read nor
 * written for longest. For one thread, reads too: they change the order.
 */
public final class LruMap<K, V> extends LinkedHashMap<K, V> {
  private final int most;

  /**
   * @param most entries that are kept
   */
  public LruMap(int most) {
    super(16, 0.75f, true);
    this.most = most;
  }

  @Override
  protected boolean removeEldestEntry(Map.Entry<K, V> eldest) {
    return size() > most;
  }
}
