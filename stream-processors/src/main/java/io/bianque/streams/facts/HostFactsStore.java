package io.bianque.streams.facts;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import io.bianque.facts.HostFacts;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * Facts of the hosts in this task's partition, by host and boot: the newest of each boot. For one
 * thread, the task's.
 *
 * <p>The store keeps what came, bytes and all, so that facts of another schema version stay
 * readable.
 */
public final class HostFactsStore {
  private static final int CACHED = 200;

  private final KeyValueStore<String, byte[]> store;
  private final Function<byte[], HostFacts> reader;
  private final Cache<String, Host> hosts =
      Caffeine.newBuilder().maximumSize(CACHED).executor(Runnable::run).build();

  /**
   * @param reader reads what {@link #put} was given
   */
  public HostFactsStore(KeyValueStore<String, byte[]> store, Function<byte[], HostFacts> reader) {
    this.store = store;
    this.reader = reader;
  }

  private static String key(String hostId, String bootId) {
    return hostId + "/" + bootId;
  }

  /**
   * Takes facts, unless newer ones of that boot are there.
   *
   * @param bytes the same facts in the wire format
   */
  public void put(HostFacts facts, byte[] bytes) {
    String key = key(facts.getHostId(), facts.getBootId());
    byte[] before = store.get(key);
    if (before == null || !reader.apply(before).getObservedAt().isAfter(facts.getObservedAt())) {
      store.put(key, bytes);
      hosts.invalidate(key);
    }
  }

  /** The host during that boot; empty when it has told nothing of it yet. */
  public Optional<Host> find(String hostId, String bootId) {
    String key = key(hostId, bootId);
    Host known = hosts.getIfPresent(key);
    if (known != null) {
      return Optional.of(known);
    }
    byte[] stored = store.get(key);
    if (stored == null) {
      return Optional.empty();
    }
    Host host = new Host(reader.apply(stored));
    hosts.put(key, host);
    return Optional.of(host);
  }

  /**
   * Forgets boots whose facts were last observed that long before now: hosts repeat theirs every
   * hour.
   */
  public void forget(Duration age, Instant now) {
    List<String> old = new ArrayList<>();
    try (KeyValueIterator<String, byte[]> all = store.all()) {
      while (all.hasNext()) {
        KeyValue<String, byte[]> entry = all.next();
        if (reader.apply(entry.value).getObservedAt().isBefore(now.minus(age))) {
          old.add(entry.key);
        }
      }
    }
    for (String key : old) {
      store.delete(key);
      hosts.invalidate(key);
    }
  }
}
