package io.bianque.streams.facts;

import io.bianque.streams.cache.LruMap;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiPredicate;
import java.util.function.Function;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * What was told of something, by key, as it was at any time. For one thread, the task's.
 *
 * <p>A record holds from the begin, as far as nothing else was told before, until one that says
 * otherwise was observed. One that only adds to what is known takes the other's place: it was true
 * before somebody saw it.
 *
 * <p>The store keeps what came, bytes and all, so that records of another schema version stay
 * readable: the newest under its key, and what was told before beside it.
 *
 * @param <R> a record
 * @param <V> what is made of it once for many lookups
 */
public final class FactsByTime<R, V> {
  /** Before the keys of what no longer holds; no other key begins so. */
  private static final String EARLIER = "~";

  private record Earlier<V>(long untilNanos, V value) {}

  /** The earlier ones from the oldest on. */
  private record Known<V>(V newest, List<Earlier<V>> earlier) {}

  private final KeyValueStore<String, byte[]> store;
  private final Function<byte[], R> reader;
  private final Function<R, Instant> observedAt;
  private final BiPredicate<R, R> addsTo;
  private final Function<R, V> view;

  /** Those that were used last. */
  private final Map<String, Known<V>> ready;

  /**
   * @param reader reads what {@link #put} was given
   * @param addsTo whether what the first says is still so by the second
   * @param cached keys at most that are ready for lookup
   */
  public FactsByTime(
      KeyValueStore<String, byte[]> store,
      Function<byte[], R> reader,
      Function<R, Instant> observedAt,
      BiPredicate<R, R> addsTo,
      Function<R, V> view,
      int cached) {
    this.store = store;
    this.reader = reader;
    this.observedAt = observedAt;
    this.addsTo = addsTo;
    this.view = view;
    this.ready = new LruMap<>(cached);
  }

  /**
   * Takes a record, unless a newer one is there.
   *
   * @param bytes the same record in the wire format
   * @return whether it was taken
   */
  public boolean put(String key, R record, byte[] bytes) {
    byte[] stored = store.get(key);
    if (stored != null) {
      R before = reader.apply(stored);
      Instant now = observedAt.apply(record);
      if (observedAt.apply(before).isAfter(now)) {
        return false;
      }
      if (!addsTo.test(before, record)) {
        store.put(earlierKey(key, nanos(now)), stored);
      }
    }
    store.put(key, bytes);
    ready.remove(key);
    return true;
  }

  /** What was so at that time, in ns since 1970; empty when nothing of that key was told. */
  public Optional<V> at(String key, long timeNanos) {
    Known<V> known = known(key);
    if (known == null) {
      return Optional.empty();
    }
    for (Earlier<V> earlier : known.earlier()) {
      if (timeNanos < earlier.untilNanos()) {
        return Optional.of(earlier.value());
      }
    }
    return Optional.of(known.newest());
  }

  /** What was told last. */
  public Optional<V> newest(String key) {
    return Optional.ofNullable(known(key)).map(Known::newest);
  }

  private Known<V> known(String key) {
    Known<V> known = ready.get(key);
    if (known != null) {
      return known;
    }
    byte[] stored = store.get(key);
    if (stored == null) {
      return null;
    }
    List<Earlier<V>> earlier = new ArrayList<>();
    try (KeyValueIterator<String, byte[]> each =
        store.range(earlierKey(key, 0), earlierKey(key, Long.MAX_VALUE))) {
      while (each.hasNext()) {
        KeyValue<String, byte[]> entry = each.next();
        long until = Long.parseLong(entry.key.substring(entry.key.lastIndexOf('/') + 1));
        earlier.add(new Earlier<>(until, view.apply(reader.apply(entry.value))));
      }
    }
    known = new Known<>(view.apply(reader.apply(stored)), List.copyOf(earlier));
    ready.put(key, known);
    return known;
  }

  /** Of one length, so that the store's order is that of time. */
  private static String earlierKey(String key, long untilNanos) {
    String digits = Long.toString(Math.max(0, untilNanos));
    return EARLIER + key + "/" + "0".repeat(19 - digits.length()) + digits;
  }

  private static long nanos(Instant time) {
    return time.getEpochSecond() * 1_000_000_000 + time.getNano();
  }

  /** Forgets what was last observed that long before now: hosts repeat what is so every hour. */
  public void forget(Duration age, Instant now) {
    List<String> old = new ArrayList<>();
    try (KeyValueIterator<String, byte[]> all = store.all()) {
      while (all.hasNext()) {
        KeyValue<String, byte[]> entry = all.next();
        if (observedAt.apply(reader.apply(entry.value)).isBefore(now.minus(age))) {
          old.add(entry.key);
        }
      }
    }
    old.forEach(store::delete);
    ready.clear();
  }
}
