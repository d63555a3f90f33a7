package io.bianque.tests.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.avro.generic.GenericRecord;

/**
 * Where one epoch's events went, from the kernel's own counters to the documents. All are totals
 * since the epoch began; spooled, inFlight and waiting are levels.
 *
 * @param isFinal whether the probe was stopped when it was counted last, and the ledger knows that
 *     count: before, each number is of another moment
 */
record Balance(
    long epoch,
    boolean isFinal,
    long attempted,
    long rateLimited,
    long ringFull,
    long submitted,
    long missed,
    long read,
    long encodeFailed,
    long acked,
    long spooled,
    long spoolDropped,
    long inFlight,
    long received,
    long enriched,
    long ignored,
    long deadLettered,
    long duplicates,
    long waiting,
    long documents) {

  /**
   * An epoch's, once nothing of it is on its way any more: for one whose agent has ended, so that
   * its last counters are final.
   */
  static Balance settled(StackUnderTest stack, long epoch) {
    return await()
        .atMost(Duration.ofMinutes(3))
        .pollInterval(Duration.ofSeconds(2))
        .until(() -> of(stack, epoch), balance -> balance.isPresent() && balance.get().isSettled())
        .orElseThrow();
  }

  /** The epoch that dropwatch counts in at this moment. */
  static long currentEpoch(StackUnderTest stack) {
    return new Topic(stack.ports(), "bianque.counters")
        .records().stream()
            .filter(Balance::isDropwatch)
            .mapToLong(record -> (long) record.get("epoch"))
            .max()
            .orElseThrow();
  }

  static boolean isDropwatch(GenericRecord record) {
    return record.get("probe").toString().equals("dropwatch");
  }

  /**
   * As the counters' topic, the ledger and Elasticsearch have it now. Empty while there is no
   * ledger row.
   */
  static Optional<Balance> of(StackUnderTest stack, long epoch) {
    Optional<GenericRecord> counters =
        newest(new Topic(stack.ports(), "bianque.counters").records(), epoch);
    Optional<GenericRecord> ledger =
        newest(new Topic(stack.ports(), "bianque.ledger").records(), epoch);
    if (counters.isEmpty() || ledger.isEmpty()) {
      return Optional.empty();
    }
    stack.search().refresh();
    GenericRecord agent = counters.get();
    GenericRecord row = ledger.get();
    return Optional.of(
        new Balance(
            epoch,
            agent.get("state").toString().equals("STOPPED")
                && agent.get("time").equals(row.get("time")),
            (long) agent.get("attempted"),
            (long) agent.get("rate_limited"),
            (long) agent.get("ring_full"),
            (long) agent.get("submitted"),
            (long) agent.get("missed"),
            (long) agent.get("read"),
            (long) agent.get("encode_failed"),
            (long) agent.get("acked"),
            (long) agent.get("spooled"),
            (long) agent.get("spool_dropped"),
            (long) agent.get("in_flight"),
            (long) row.get("received"),
            (long) row.get("enriched"),
            ((Map<?, ?>) row.get("ignored"))
                .values().stream().mapToLong(count -> (long) count).sum(),
            (long) row.get("dead_lettered"),
            (long) row.get("duplicates"),
            (long) row.get("waiting"),
            stack.search().count("{\"term\": {\"bianque.dropwatch.epoch\": " + epoch + "}}")));
  }

  /**
   * The last of the newest: a ledger row has the time of the agent's count, and is written again
   * with the same one as the stream tier goes on counting.
   */
  private static Optional<GenericRecord> newest(List<GenericRecord> records, long epoch) {
    return records.stream()
        .filter(record -> (long) record.get("epoch") == epoch && isDropwatch(record))
        .reduce(
            (newest, next) -> (long) next.get("time") >= (long) newest.get("time") ? next : newest);
  }

  /**
   * Whether nothing is on its way any more: what was read has become documents, or is counted as
   * something else.
   */
  boolean isSettled() {
    return isFinal
        && submitted == read
        && spooled == 0
        && inFlight == 0
        && waiting == 0
        && received >= acked
        && documents >= enriched;
  }

  /**
   * Every equation from the kernel to the documents, without a remainder. Only a stopped agent's
   * last counters are exact.
   */
  void mustHold() {
    assertThat(attempted)
        .as("attempted = rate_limited + ring_full + submitted: %s", this)
        .isEqualTo(rateLimited + ringFull + submitted);
    assertThat(submitted).as("submitted = read: %s", this).isEqualTo(read);
    assertThat(read)
        .as("read = encode_failed + acked + spool_dropped: %s", this)
        .isEqualTo(encodeFailed + acked + spoolDropped);
    assertThat(received).as("received = acked: %s", this).isEqualTo(acked);
    assertThat(received)
        .as("received = enriched + ignored + dead_lettered + duplicates: %s", this)
        .isEqualTo(enriched + ignored + deadLettered + duplicates);
    assertThat(documents).as("documents = enriched: %s", this).isEqualTo(enriched);
    assertThat(attempted)
        .as("events in = documents out + counted losses: %s", this)
        .isEqualTo(
            documents
                + rateLimited
                + ringFull
                + encodeFailed
                + spoolDropped
                + ignored
                + deadLettered
                + duplicates);
  }

  @Override
  public String toString() {
    return ("attempted %,d = rate_limited %,d + ring_full %,d + submitted %,d (missed %,d); read %,d = encode_failed %,d + acked %,d + spooled %,d + spool_dropped %,d + in_flight %,d; "
            + "received %,d = enriched %,d + ignored %,d + dead_lettered %,d + duplicates %,d + waiting %,d; documents %,d")
        .formatted(
            attempted,
            rateLimited,
            ringFull,
            submitted,
            missed,
            read,
            encodeFailed,
            acked,
            spooled,
            spoolDropped,
            inFlight,
            received,
            enriched,
            ignored,
            deadLettered,
            duplicates,
            waiting,
            documents);
  }
}
