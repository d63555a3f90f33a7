package io.bianque.streams.request;

import io.bianque.facts.SymbolRequest;
import io.bianque.schemas.catalogue.Topics;
import io.bianque.schemas.wire.AvroReader;
import io.bianque.schemas.wire.AvroWriter;
import io.bianque.schemas.wire.UnreadableRecord;
import io.bianque.streams.part.Shared;
import io.bianque.streams.schema.SchemaPending;
import io.bianque.streams.symbol.SymbolStore;
import io.bianque.streams.symbol.SymbolTables;
import io.bianque.streams.symbol.Symbolizer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks one host for each table of symbols that an event needs and nobody has published. Candidates
 * are partitioned by table, so that of all the fleet's hosts one is asked. For one thread.
 *
 * <p>A candidate is a host whose event was just read: it was alive. One that does not answer is
 * followed by another, and is asked again itself when there is no other.
 */
final class SymbolRequester implements Processor<byte[], byte[], byte[], byte[]> {
  private static final Logger LOG = LoggerFactory.getLogger(SymbolRequester.class);

  /** Reading and sending a table takes a host a second, and longer when it has just started. */
  private static final Duration ANSWER = Duration.ofSeconds(30);

  private static final Duration SAME_HOST = Duration.ofMinutes(5);

  /** After which nobody waits for a file's table any more: who ran the file has ended. */
  private static final Duration FILE_IS_GONE = Duration.ofMinutes(10);

  private static final Duration LOOK = Duration.ofSeconds(1);

  private final Shared shared;
  private ProcessorContext<byte[], byte[]> context;
  private AvroReader<SymbolRequest> reader;
  private AvroWriter<SymbolRequest> writer;
  private KeyValueStore<String, byte[]> asked;
  private KeyValueStore<String, byte[]> chunks;

  /** Candidates that came before their schema was known, the newest of each table. */
  private final Map<String, byte[]> unread = new HashMap<>();

  SymbolRequester(Shared shared) {
    this.shared = shared;
  }

  @Override
  public void init(ProcessorContext<byte[], byte[]> context) {
    this.context = context;
    this.reader = AvroReader.specific(shared.schemas(), SymbolRequest.class);
    this.writer = AvroWriter.specific(shared.schemaId(Topics.SYMBOL_REQUESTS), SymbolRequest.class);
    this.asked = context.getStateStore(RequestTopology.REQUESTS);
    this.chunks = context.getStateStore(SymbolStore.NAME);
    context.schedule(LOOK, PunctuationType.WALL_CLOCK_TIME, this::look);
  }

  @Override
  public void process(Record<byte[], byte[]> record) {
    if (record.key() == null || record.value() == null) {
      return;
    }
    consider(new String(record.key(), StandardCharsets.UTF_8), record.value());
  }

  private void consider(String table, byte[] value) {
    try {
      SymbolRequest candidate = reader.read(value);
      byte[] before = asked.get(table);
      Instant now = Instant.ofEpochMilli(context.currentSystemTimeMs());
      if ((before == null || isNext(candidate, reader.read(before), now)) && !isThere(table)) {
        ask(table, candidate, now);
      }
    } catch (SchemaPending pending) {
      unread.put(table, value);
    } catch (UnreadableRecord e) {
      // As long as the table is needed there will be others.
      LOG.warn("a candidate for {} is left out: {}", table, e.getMessage());
    }
  }

  private static boolean isNext(SymbolRequest candidate, SymbolRequest before, Instant now) {
    Duration since = Duration.between(before.getAskedAt(), now);
    boolean same = candidate.getHostId().equals(before.getHostId());
    return since.isNegative() || since.compareTo(same ? SAME_HOST : ANSWER) >= 0;
  }

  private void ask(String table, SymbolRequest candidate, Instant now) {
    candidate.setAskedAt(now);
    byte[] request = writer.write(candidate);
    asked.put(table, request);
    shared.metrics().symbolsAsked(candidate.getObject());
    LOG.info("host {} is asked for the symbols of {}", candidate.getHostId(), table);
    forward(table, request, now.toEpochMilli());
  }

  private void look(long now) {
    Map<String, byte[]> again = Map.copyOf(unread);
    unread.clear();
    again.forEach(this::consider);
    withdraw(now);
  }

  /**
   * Agents that start read every request: what has come needs none. Nor does a file that no host
   * was found to run: there is no end of their build ids, as there is of kernels'.
   */
  private void withdraw(long now) {
    List<String> over = new ArrayList<>();
    try (KeyValueIterator<String, byte[]> all = asked.all()) {
      while (all.hasNext()) {
        KeyValue<String, byte[]> each = all.next();
        if (isThere(each.key) || (isOfFile(each.key) && isOld(each.value, now))) {
          over.add(each.key);
        }
      }
    }
    for (String table : over) {
      asked.delete(table);
      forward(table, null, now);
    }
  }

  private static boolean isOfFile(String table) {
    return table.endsWith("/" + Symbolizer.USER);
  }

  private boolean isOld(byte[] request, long now) {
    try {
      Instant askedAt = reader.read(request).getAskedAt();
      return askedAt.plus(FILE_IS_GONE).isBefore(Instant.ofEpochMilli(now));
    } catch (SchemaPending pending) {
      return false;
    }
  }

  private boolean isThere(String table) {
    int slash = table.indexOf('/');
    return slash > 0
        && shared.tables().table(chunks, table.substring(0, slash), table.substring(slash + 1))
            instanceof SymbolTables.Lookup.Found;
  }

  private void forward(String table, byte[] value, long timestampMs) {
    byte[] key = table.getBytes(StandardCharsets.UTF_8);
    context.forward(new Record<>(key, value, timestampMs));
  }
}
