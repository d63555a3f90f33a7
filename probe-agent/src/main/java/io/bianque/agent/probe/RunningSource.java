package io.bianque.agent.probe;

import io.bianque.agent.encode.AgentFields;
import io.bianque.agent.encode.RecordPlan;
import io.bianque.agent.source.Source;
import io.bianque.agent.source.Tunable;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One life of a probe without a program: takes records from its source, limits, numbers, encodes
 * and counts them. One thread at a time.
 */
final class RunningSource implements ProbeLife {
  private static final Logger LOG = LoggerFactory.getLogger(RunningSource.class);

  private final SourcePlan plan;
  private final long epoch;
  private final Source source;
  private final AgentFields fields;
  private final EventSink sink;
  private final Map<Class<?>, Stream> streams = new LinkedHashMap<>();
  private final long maxEventsPerSecond;
  private long second;
  private long eventsInSecond;
  private long failedLooks;

  /** Whether the source has more to look at than it did at once. */
  private boolean polling;

  /** The records of one shape. */
  private static final class Stream {
    final String name;
    final RecordPlan encoding;
    long attempted;
    long submitted;

    Stream(String name, RecordPlan encoding) {
      this.name = name;
      this.encoding = encoding;
    }
  }

  RunningSource(SourcePlan plan, long epoch, Source source, AgentFields fields, EventSink sink) {
    this.plan = plan;
    this.epoch = epoch;
    this.source = source;
    this.fields = fields;
    this.sink = sink;
    this.maxEventsPerSecond = plan.tunables().getOrDefault(Tunable.MAX_EVENTS_PER_SECOND, 0L);
    plan.encodings()
        .forEach((shape, encoding) ->
            streams.put(shape, new Stream(RecordPlan.stream(shape), encoding)));
  }

  @Override
  public int drain(int maxEvents) {
    int[] taken = {0};
    look(() -> taken[0] = source.drain(maxEvents, this::event));
    if (polling) {
      poll();
    }
    return taken[0];
  }

  @Override
  public void poll() {
    polling = false;
    look(() -> polling = !source.poll(this::publish));
  }

  /**
   * A look that fails is counted, and the next one may succeed: whatever a source finds that it
   * does not understand, it touches no other probe.
   */
  private void look(Runnable look) {
    try {
      look.run();
    } catch (RuntimeException e) {
      if (failedLooks++ == 0) {
        LOG.warn("probe {}: a look failed; later ones are only counted", plan.kind().name(), e);
      }
    }
  }

  private void event(Record event) {
    long now = TimeUnit.NANOSECONDS.toSeconds(System.nanoTime());
    eventsInSecond = now == second ? eventsInSecond + 1 : 1;
    second = now;
    if (maxEventsPerSecond > 0 && eventsInSecond > maxEventsPerSecond) {
      streams.get(event.getClass()).attempted++;
    } else {
      publish(event);
    }
  }

  private void publish(Record each) {
    Stream stream = streams.get(each.getClass());
    stream.attempted++;
    stream.submitted++;
    long ktime = fields.monotonicNanosNow();
    byte[] encoded = stream.encoding.encode(each, ktime, stream.submitted, fields);
    long wallNanos = ktime + fields.clockOffsetNanos();
    sink.event(stream.name, epoch, wallNanos, encoded, 0, encoded.length, Receipt.NONE);
  }

  @Override
  public void clockOffset(long nanos) {
    fields.clockOffsetNanos(nanos);
  }

  @Override
  public List<ProbeReport> reports() {
    ProbeState state = new ProbeState.Attached(plan.kind().hook(), "none", List.of());
    return streams.values().stream().map(stream -> report(stream, state)).toList();
  }

  private ProbeReport report(Stream stream, ProbeState state) {
    long limited = stream.attempted - stream.submitted;
    return new ProbeReport(
        stream.name,
        epoch,
        state,
        new KernelCounters(stream.attempted, limited, 0, stream.submitted),
        stream.submitted,
        Map.of(),
        source.missed() + failedLooks,
        OptionalLong.empty(),
        OptionalLong.empty());
  }

  @Override
  public List<ProbeReport> stop() {
    while (drain(Integer.MAX_VALUE) > 0) {}
    do {
      poll();
    } while (polling);
    List<ProbeReport> last = reports();
    source.close();
    return last;
  }

  @Override
  public long runTimeNanos() {
    return 0;
  }

  @Override
  public String name() {
    return plan.kind().name();
  }

  /** Nothing of it is in the kernel. */
  @Override
  public Optional<Pin> pin() {
    return Optional.empty();
  }

  @Override
  public void leave() {
    source.close();
  }
}
