package io.bianque.streams.dns;

import io.bianque.facts.ResolvedName;
import io.bianque.streams.cache.LruMap;
import io.bianque.streams.dns.ReverseNames.Answer;
import io.bianque.streams.dns.ReverseNames.Found;
import io.bianque.streams.names.IpAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * Names from DNS, recorded so that whoever reads the record gives every event the same.
 *
 * <p>What an address is called changes only forward in the events' time. An event that is older
 * than one that was given a name before gets what the record says of its own time; only one that is
 * newer than all before gets what DNS says now, and if that is something else, a record begins.
 */
public final class DnsNames implements Names {
  /** Where records go, beside the store. */
  public interface Sink {
    void accept(String key, byte[] record, long timeNanos);
  }

  /**
   * A host's clock may be wrong by any amount. Events from beyond this get names, but none is
   * recorded: nothing would change for an address any more until that time has come.
   */
  private static final Duration AHEAD = Duration.ofMinutes(1);

  /** Addresses whose newest record is remembered; as many as DNS' answers are. */
  private static final int REMEMBERED = 20_000;

  /** No address, so no record has it. */
  private static final String GIVEN_UNTIL = "given-until";

  private static final Answer UNANSWERED = new Answer.Unanswered();
  private static final long SECOND = 1_000_000_000;

  /** The newest record of an address. */
  private static final class Newest {
    /** Null when there is none. */
    final NameHistory.Entry entry;

    /** Events before that, in ns since 1970, may have been given names by it. */
    long givenUntil;

    Newest(NameHistory.Entry entry, long givenUntil) {
      this.entry = entry;
      this.givenUntil = givenUntil;
    }
  }

  private final Function<IpAddress, Found> dns;
  private final KeyValueStore<String, byte[]> store;
  private final NameHistory history;
  private final Function<ResolvedName, byte[]> writer;
  private final Sink sink;
  private final int partition;
  private final Map<IpAddress, Newest> newest = new LruMap<>(REMEMBERED);

  /** Those without an answer, by what events have heard of them, in ms. */
  private final Map<IpAddress, Long> askedSince = new LruMap<>(REMEMBERED);

  /**
   * Events before that may have been given names, of whatever address. It stands in the store for
   * the next process, rounded up, so that it is not written with every event.
   */
  private long givenUntil;

  /**
   * @param dns must not wait
   * @param store of the task; others have their own
   * @param reader of what {@code writer} writes
   * @param partition of the task
   */
  public DnsNames(
      Function<IpAddress, Found> dns,
      KeyValueStore<String, byte[]> store,
      Function<byte[], ResolvedName> reader,
      Function<ResolvedName, byte[]> writer,
      Sink sink,
      int partition) {
    this.dns = dns;
    this.store = store;
    this.history =
        new NameHistory(
            store,
            reader,
            () -> {
              throw new IllegalStateException("a name that this task recorded cannot be read");
            });
    this.writer = writer;
    this.sink = sink;
    this.partition = partition;
    byte[] stored = store.get(GIVEN_UNTIL);
    this.givenUntil = stored == null ? 0 : ByteBuffer.wrap(stored).getLong();
  }

  @Override
  public OfEvent ofEvent(long timeNanos, long nowMs) {
    return new Given(timeNanos, nowMs);
  }

  /**
   * An answer for the event.
   *
   * @param found what DNS says; null when it is from the record
   */
  private record Taken(IpAddress address, Answer answer, Newest before, Found found) {}

  private final class Given implements OfEvent {
    private final long time;
    private final long nowMs;
    private final boolean ahead;
    private final List<Taken> taken = new ArrayList<>(2);

    Given(long time, long nowMs) {
      this.time = time;
      this.nowMs = nowMs;
      this.ahead = time > nowMs * 1_000_000 + AHEAD.toNanos();
    }

    @Override
    public Answer name(IpAddress address) {
      for (Taken each : taken) {
        if (each.address().equals(address)) {
          return each.answer();
        }
      }
      Taken now = take(address);
      taken.add(now);
      return now.answer();
    }

    private Taken take(IpAddress address) {
      Newest before = newest(address);
      if (before.entry != null && (ahead || time < before.givenUntil)) {
        Optional<NameHistory.Entry> then =
            time >= before.entry.fromNanos()
                ? Optional.of(before.entry)
                : history.at(address, partition, time);
        if (then.isPresent()) {
          return new Taken(address, then.get().answer(), before, null);
        }
      }
      Found found = dns.apply(address);
      if (found.answer() instanceof Answer.Pending) {
        askedSince.putIfAbsent(address, nowMs);
      } else if (!askedSince.isEmpty()) {
        askedSince.remove(address);
      }
      return new Taken(address, found.answer(), before, found);
    }

    @Override
    public long askedSince(IpAddress address) {
      return askedSince.get(address);
    }

    @Override
    public void leaves() {
      if (ahead) {
        return;
      }
      for (Taken each : taken) {
        if (each.found() != null) {
          give(each);
        }
      }
      if (time >= givenUntil) {
        givenUntil = time + SECOND;
        store.put(GIVEN_UNTIL, ByteBuffer.allocate(Long.BYTES).putLong(givenUntil).array());
      }
    }

    private void give(Taken each) {
      NameHistory.Entry before = each.before().entry;
      Answer answer = each.answer() instanceof Answer.Pending ? UNANSWERED : each.answer();
      boolean isNewest = before == null || time >= before.fromNanos();
      if (before != null && isNewest && answer.equals(before.answer())) {
        each.before().givenUntil = time + 1;
        return;
      }
      if (answer instanceof Answer.Nameless && each.found().resolvedAt() == null) {
        return; // it is an address that nobody is asked for
      }
      ResolvedName record = NameHistory.record(each.address(), partition, time, each.found());
      byte[] bytes = writer.apply(record);
      String key = NameHistory.key(record);
      store.put(key, bytes);
      sink.accept(key, bytes, time);
      if (isNewest) {
        newest.put(each.address(), new Newest(new NameHistory.Entry(time, answer), time + 1));
      }
    }
  }

  private Newest newest(IpAddress address) {
    Newest known = newest.get(address);
    if (known == null) {
      // How far it was given is forgotten: no further than any was.
      known = new Newest(history.at(address, partition, Long.MAX_VALUE).orElse(null), givenUntil);
      newest.put(address, known);
    }
    return known;
  }

  @Override
  public void forget(long beforeNanos) {
    Set<String> inUse =
        newest.keySet().stream().map(IpAddress::toString).collect(Collectors.toSet());
    List<String> old = new ArrayList<>();
    try (KeyValueIterator<String, byte[]> all = store.all()) {
      String last = null;
      while (all.hasNext()) {
        String key = all.next().key;
        if (!key.equals(GIVEN_UNTIL)) {
          // Those of one address stand together in the order of time: each ends with the next.
          if (last != null && hasEnded(last, key, beforeNanos, inUse)) {
            old.add(last);
          }
          last = key;
        }
      }
      if (last != null && hasEnded(last, "", beforeNanos, inUse)) {
        old.add(last);
      }
    }
    old.forEach(store::delete);
  }

  private static boolean hasEnded(String key, String next, long beforeNanos, Set<String> inUse) {
    boolean sameAddress = next.regionMatches(0, key, 0, key.lastIndexOf('/') + 1);
    return sameAddress
        ? NameHistory.timeOf(next) < beforeNanos
        : NameHistory.timeOf(key) < beforeNanos
            && !inUse.contains(key.substring(0, key.indexOf('/')));
  }
}
