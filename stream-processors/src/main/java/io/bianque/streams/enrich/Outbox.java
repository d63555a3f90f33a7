package io.bianque.streams.enrich;

import io.bianque.facts.DeadLetter;
import io.bianque.facts.LedgerRow;
import io.bianque.facts.SymbolRequest;
import io.bianque.schemas.catalogue.Topics;
import io.bianque.schemas.wire.AvroWriter;
import io.bianque.streams.part.Shared;
import io.bianque.streams.waiting.Arrival;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What a task sends, each to its topic. For one thread, the task's. */
final class Outbox {
  private static final Logger LOG = LoggerFactory.getLogger(Outbox.class);

  private final ProcessorContext<byte[], Output> context;
  private final Shared shared;
  private final AvroWriter<DeadLetter> deadLetters;
  private final AvroWriter<LedgerRow> ledgerRows;
  private final AvroWriter<SymbolRequest> candidates;

  Outbox(ProcessorContext<byte[], Output> context, Shared shared) {
    this.context = context;
    this.shared = shared;
    this.deadLetters = AvroWriter.specific(shared.schemaId(Topics.DEAD_LETTER), DeadLetter.class);
    this.ledgerRows = AvroWriter.specific(shared.schemaId(Topics.LEDGER), LedgerRow.class);
    this.candidates =
        AvroWriter.specific(shared.schemaId(Topics.SYMBOL_CANDIDATES), SymbolRequest.class);
  }

  /**
   * An event.
   *
   * @param value in the wire format
   */
  void event(String topic, byte[] key, byte[] value, long timestampMs, Headers headers) {
    // A host's clock may stand before 1970, which no record's time may.
    context.forward(new Record<>(key, new Output(topic, value), Math.max(0, timestampMs), headers));
  }

  /** What became of the events of an epoch. */
  void ledgerRow(LedgerRow row) {
    send(Topics.LEDGER, row.getHostId(), ledgerRows.write(row), row.getTime().toEpochMilli());
  }

  /** A name that an address was given. */
  void name(String key, byte[] record, long timeNanos) {
    shared.metrics().nameRecorded();
    send(Topics.NAMES, key, record, timeNanos / 1_000_000);
  }

  /** A host that could publish a table of symbols. */
  void candidate(SymbolRequest proposal) {
    send(
        Topics.SYMBOL_CANDIDATES,
        new Gaps.Table(proposal.getBuildId(), proposal.getObject()).key(),
        candidates.write(proposal),
        proposal.getAskedAt().toEpochMilli());
  }

  /** A record that cannot be processed, as it came. */
  void deadLetter(Arrival arrival, String reason, String detail) {
    LOG.warn(
        "Dead letter: {}-{}-{}: {}: {}",
        arrival.topic(),
        arrival.partition(),
        arrival.offset(),
        reason,
        detail);
    shared.metrics().deadLettered(reason);
    DeadLetter letter =
        DeadLetter.newBuilder()
            .setStage("enrich")
            .setReason(reason)
            .setDetail(detail == null ? "" : detail)
            .setTopic(arrival.topic())
            .setPartition(arrival.partition())
            .setOffset(arrival.offset())
            .setTimestamp(Instant.ofEpochMilli(arrival.timestampMs()))
            .setKey(arrival.key() == null ? null : ByteBuffer.wrap(arrival.key()))
            .setValue(arrival.value() == null ? null : ByteBuffer.wrap(arrival.value()))
            .build();
    event(
        Topics.DEAD_LETTER,
        arrival.key(),
        deadLetters.write(letter),
        arrival.timestampMs(),
        new RecordHeaders());
  }

  private void send(String topic, String key, byte[] value, long timestampMs) {
    event(topic, key.getBytes(StandardCharsets.UTF_8), value, timestampMs, new RecordHeaders());
  }
}
