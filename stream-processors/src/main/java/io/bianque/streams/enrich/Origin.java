package io.bianque.streams.enrich;

import io.bianque.streams.cache.LruMap;
import io.bianque.streams.facts.HostFactsStore;
import io.bianque.streams.ledger.EpochKey;
import io.bianque.streams.sequence.ReplayWindow;
import java.util.Map;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * Where an event comes from: a CPU, in one epoch of a probe on one host. What each of its events is
 * looked up by is made once, and its window of sequence numbers is read once. For one thread, a
 * task's.
 */
final class Origin {
  /**
   * The origins that events came from last.
   *
   * @param windows the store of all
   */
  record Recent(KeyValueStore<String, byte[]> windows, Map<Key, Origin> origins) {
    /** More than the CPUs of a partition's hosts that drop packets at a time; a few MB. */
    private static final int MOST = 10_000;

    Recent(KeyValueStore<String, byte[]> windows) {
      this(windows, new LruMap<>(MOST));
    }

    Origin of(EventHeader header, String probe) {
      Key key = new Key(header.hostId(), header.bootId(), header.epoch(), probe, header.cpu());
      Origin known = origins.get(key);
      if (known == null) {
        known = new Origin(key, windows);
        origins.put(key, known);
      }
      return known;
    }

    void clear() {
      origins.clear();
    }
  }

  private record Key(String hostId, String bootId, long epoch, String probe, int cpu) {
    String windowKey() {
      return hostId + "|" + bootId + "|" + epoch + "|" + probe + "|" + cpu;
    }
  }

  private final EpochKey epoch;
  private final String hostKey;
  private final String windowKey;
  private final KeyValueStore<String, byte[]> windows;
  private ReplayWindow window;

  private Origin(Key key, KeyValueStore<String, byte[]> windows) {
    this.epoch = new EpochKey(key.hostId(), key.bootId(), key.epoch(), key.probe());
    this.hostKey = HostFactsStore.key(key.hostId(), key.bootId());
    this.windowKey = key.windowKey();
    this.windows = windows;
    byte[] stored = windows.get(windowKey);
    this.window = stored == null ? ReplayWindow.EMPTY : ReplayWindow.fromBytes(stored);
  }

  EpochKey epoch() {
    return epoch;
  }

  /** By which the host's facts are found. */
  String hostKey() {
    return hostKey;
  }

  ReplayWindow window() {
    return window;
  }

  void moveTo(ReplayWindow after) {
    windows.put(windowKey, after.toBytes());
    window = after;
  }
}
