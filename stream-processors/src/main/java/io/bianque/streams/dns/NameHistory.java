package io.bianque.streams.dns;

import io.bianque.facts.NameOutcome;
import io.bianque.facts.ResolvedName;
import io.bianque.schemas.wire.UnreadableRecord;
import io.bianque.streams.dns.ReverseNames.Answer;
import io.bianque.streams.names.IpAddress;
import java.time.Instant;
import java.util.Optional;
import java.util.function.Function;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.ReadOnlyKeyValueStore;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Records of bianque.names in a store under their own keys. For one thread. */
public final class NameHistory {
  private static final Logger LOG = LoggerFactory.getLogger(NameHistory.class);

  /** A record: since when, and what. */
  public record Entry(long fromNanos, Answer answer) {}

  private final ReadOnlyKeyValueStore<String, byte[]> store;
  private final Function<byte[], ResolvedName> reader;
  private final Runnable unreadable;

  /**
   * @param reader of records in the wire format
   * @param unreadable is told of each record that cannot be read, or is another's; it is passed
   *     over
   */
  public NameHistory(
      ReadOnlyKeyValueStore<String, byte[]> store,
      Function<byte[], ResolvedName> reader,
      Runnable unreadable) {
    this.store = store;
    this.reader = reader;
    this.unreadable = unreadable;
  }

  /** What the address was called then: the last record that is not later. */
  public Optional<Entry> at(IpAddress address, int partition, long timeNanos) {
    String of = prefix(address.toString(), partition);
    try (KeyValueIterator<String, byte[]> back =
        store.reverseRange(of + digits(0), of + digits(timeNanos))) {
      while (back.hasNext()) {
        KeyValue<String, byte[]> stored = back.next();
        try {
          ResolvedName record = reader.apply(stored.value);
          if (key(record).equals(stored.key)) {
            return Optional.of(entry(record));
          }
        } catch (UnreadableRecord e) {
          LOG.debug("{}: {}", stored.key, e.getMessage());
        }
        unreadable.run();
      }
      return Optional.empty();
    }
  }

  /** Under which a record stands, in the store and in the topic. */
  static String key(ResolvedName record) {
    return prefix(record.getAddress(), record.getPartition()) + digits(nanos(record.getFrom()));
  }

  /** Of the records of one address and partition. */
  private static String prefix(String address, int partition) {
    return address + "/" + partition + "/";
  }

  /** The time in a key. */
  static long timeOf(String key) {
    return Long.parseLong(key.substring(key.lastIndexOf('/') + 1));
  }

  /** Of one length, so that the store's order is that of time. */
  private static String digits(long timeNanos) {
    String digits = Long.toString(Math.max(0, timeNanos));
    return "0".repeat(19 - digits.length()) + digits;
  }

  private static long nanos(Instant time) {
    return time.getEpochSecond() * 1_000_000_000 + time.getNano();
  }

  private static Entry entry(ResolvedName record) {
    return new Entry(
        nanos(record.getFrom()),
        switch (record.getOutcome()) {
          case NAMED -> new Answer.Known(record.getName());
          case NAMELESS -> new Answer.Nameless();
          case UNANSWERED -> new Answer.Unanswered();
          case UNAVAILABLE -> new Answer.Unavailable(record.getReason());
        });
  }

  static ResolvedName record(
      IpAddress address, int partition, long fromNanos, ReverseNames.Found found) {
    ResolvedName.Builder record =
        ResolvedName.newBuilder()
            .setAddress(address.toString())
            .setPartition(partition)
            .setFrom(Instant.ofEpochSecond(0, fromNanos))
            .setResolvedAt(found.resolvedAt())
            .setValidUntil(found.validUntil());
    return switch (found.answer()) {
      case Answer.Known(String name) -> record.setOutcome(NameOutcome.NAMED).setName(name).build();
      case Answer.Nameless() -> record.setOutcome(NameOutcome.NAMELESS).build();
      case Answer.Pending(), Answer.Unanswered() ->
          record.setOutcome(NameOutcome.UNANSWERED).build();
      case Answer.Unavailable(String reason) ->
          record.setOutcome(NameOutcome.UNAVAILABLE).setReason(reason).build();
    };
  }
}
