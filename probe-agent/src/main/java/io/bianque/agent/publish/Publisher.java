package io.bianque.agent.publish;

import io.bianque.agent.config.AgentConfig;
import io.bianque.agent.probe.EventSink;
import io.bianque.agent.probe.ProbeReport;
import io.bianque.agent.probe.Receipt;
import io.bianque.agent.publish.Outlet.Sent;
import io.bianque.facts.ControlOutcome;
import io.bianque.schemas.catalogue.Topics;
import io.bianque.schemas.wire.AvroWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.apache.avro.Schema;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Publishes events and facts. {@link #event} is for one thread, the drain thread; reports are for
 * any.
 *
 * <p>One thread of its own does everything that can take time: making the producer, writing and
 * reading the spool.
 */
public final class Publisher implements EventSink {
  private static final Logger LOG = LoggerFactory.getLogger(Publisher.class);

  /**
   * While events wait for the broker. Often enough that the spool keeps a producer busy, seldom
   * enough to cost nothing.
   */
  private static final long BACKLOG_PAUSE_MS = 100;

  private static final long LONGEST_PAUSE_MS = 10_000;

  /** Of the time that a stop may take, what is kept for the last counts. */
  private static final long LAST_COUNTS_NANOS = TimeUnit.SECONDS.toNanos(1);

  private static final long SAY_AWAY_NANOS = TimeUnit.SECONDS.toNanos(4);
  private static final long REOPEN_PAUSE_NANOS = TimeUnit.SECONDS.toNanos(5);

  private final String bootId;
  private final byte[] key;
  private final AgentConfig.Spool spoolConfig;
  private final SchemaIds schemaIds;
  private final SchemaStore schemas;
  private final Facts facts;
  private final Outlet outlet;
  private final Map<String, Lane> lanes = new ConcurrentHashMap<>();
  private final Map<Life, Counts> counts = new ConcurrentHashMap<>();
  private final Map<String, String> fingerprints = new ConcurrentHashMap<>();
  private final Map<String, Stream> streams = new ConcurrentHashMap<>();
  private final Map<String, AvroWriter<SpecificRecord>> factWriters = new ConcurrentHashMap<>();
  private final Progress factProgress = new Progress();
  private final Thread thread;

  private final Object monitor = new Object();
  private boolean awake;
  private boolean stopping;
  private long stopBy;
  private volatile boolean waitingForRoom;
  private volatile long spoolBytes;
  private long reopenAt = System.nanoTime();
  private boolean saidAway;
  private long connectedAt = System.nanoTime();

  /**
   * State of the way to the broker.
   *
   * @param trouble what keeps events from the broker, in words; empty when nothing does
   */
  public record State(
      boolean connected,
      List<String> trouble,
      long spoolBytes,
      long spooledEvents,
      long inFlightBytes,
      Map<Life, Counts.Snapshot> counts) {
    public State {
      trouble = List.copyOf(trouble);
      counts = Map.copyOf(counts);
    }
  }

  /**
   * Starts publishing.
   *
   * @param facts what to say besides events
   * @throws IOException when the state folder cannot be written
   */
  public Publisher(AgentConfig config, String hostId, String bootId, Facts facts)
      throws IOException {
    this.bootId = bootId;
    this.key = hostId.getBytes(StandardCharsets.UTF_8);
    this.spoolConfig = config.spool();
    this.facts = facts;
    Files.createDirectories(config.stateDir());
    this.schemaIds = new SchemaIds(config.registry(), config.stateDir(), this::wake);
    this.schemas = new SchemaStore(config.stateDir().resolve("schemas"));
    this.outlet =
        new Outlet(
            config.kafka(),
            () -> {
              if (waitingForRoom) {
                wake();
              }
            });
    this.thread = Thread.ofPlatform().name("bq-publish").unstarted(this::run);
  }

  /** Begins; {@link #add} the probes before, so that none of their events waits for its schema. */
  public void start() {
    facts.restore(this::countsOf);
    thread.start();
  }

  /** Makes a probe's events welcome. Any thread. */
  public void add(String probe, Schema schema) {
    String fingerprint = schemas.keep(schema);
    fingerprints.put(probe, fingerprint);
    lane(probe);
    wake();
  }

  /**
   * Takes an encoded event. Never waits; what becomes of it is in the counts of its life.
   *
   * @param epoch of the probe's life
   * @param buffer copied
   */
  @Override
  public void event(
      String probe,
      long epoch,
      long wallNanos,
      byte[] buffer,
      int offset,
      int length,
      Receipt receipt) {
    Stream stream = streams.get(probe);
    if (stream == null || stream.life().epoch() != epoch) {
      stream = stream(new Life(probe, bootId, epoch), fingerprints.get(probe));
    }
    lanes.get(probe).offer(Event.of(stream, wallNanos, buffer, offset, length, receipt));
  }

  @Override
  public boolean hasRoom(String probe) {
    return lanes.get(probe).hasRoom();
  }

  private Stream stream(Life life, String fingerprint) {
    Stream stream = new Stream(life, fingerprint, countsOf(life));
    streams.put(life.probe(), stream);
    return stream;
  }

  /** Its events are written as that schema says, whatever the probe's present one is. */
  @Override
  public void adopted(String probe, long epoch, Schema schema, long events) {
    Life life = new Life(probe, bootId, epoch);
    countsOf(life).adopt(events);
    lane(probe);
    stream(life, schemas.keep(schema));
  }

  @Override
  public void ended(ProbeReport last) {
    facts.ended(last);
  }

  /** Publishes what became of a control request. Any thread. */
  public void outcome(ControlOutcome outcome) {
    facts.tell(Topics.CONTROL_OUTCOMES, outcome);
    wake();
  }

  /** Counts of a life; all zero when it has no events yet. */
  public Counts countsOf(Life life) {
    return counts.computeIfAbsent(life, _ -> new Counts());
  }

  /**
   * Lives of which the agent knows something: this run's, and earlier ones' with events still on
   * disk.
   */
  public Map<Life, Counts.Snapshot> counts() {
    Map<Life, Counts.Snapshot> snapshots = new ConcurrentHashMap<>();
    counts.forEach((life, each) -> snapshots.put(life, each.snapshot()));
    return snapshots;
  }

  public State state() {
    List<String> trouble = new ArrayList<>();
    Optional.ofNullable(outlet.trouble())
        .map(reason -> "broker: " + reason)
        .ifPresent(trouble::add);
    boolean stalled = factProgress.stalled() || lanes.values().stream().anyMatch(Lane::isStalled);
    if (stalled) {
      trouble.add("broker: nothing is acknowledged any more");
    }
    schemaIds.trouble().forEach(reason -> trouble.add("registry: " + reason));
    for (Lane lane : lanes.values()) {
      Optional.ofNullable(lane.trouble())
          .map(reason -> "spool of " + lane.probe() + ": " + reason)
          .ifPresent(trouble::add);
    }
    Map<Life, Counts.Snapshot> snapshots = counts();
    return new State(
        outlet.trouble() == null && !stalled,
        trouble,
        spoolBytes,
        snapshots.values().stream().mapToLong(Counts.Snapshot::spooled).sum(),
        outlet.inFlightBytes(),
        snapshots);
  }

  /**
   * Stops: what the broker takes within the time is sent, the rest goes to the spool for the next
   * run. Call it after the last {@link #event}.
   */
  public void stop(Duration limit) {
    synchronized (monitor) {
      stopping = true;
      stopBy = System.nanoTime() + limit.toNanos();
    }
    wake();
    try {
      // The disk has its own pace; but a stop that hangs on a dead disk helps nobody.
      if (!thread.join(limit.plusSeconds(10))) {
        LOG.error("the spool's disk does not answer: events in memory are lost");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private Lane lane(String probe) {
    return lanes.computeIfAbsent(
        probe, name -> new Lane(name, key, outlet, this::schemaId, this::wake));
  }

  private OptionalInt schemaId(Stream stream) {
    return schemaIds.id(
        Topics.raw(stream.life().probe()), stream.schema(), () -> schemas.get(stream.schema()));
  }

  private void wake() {
    synchronized (monitor) {
      awake = true;
      monitor.notifyAll();
    }
  }

  private void run() {
    facts.start(this::wake);
    openSpools();
    while (true) {
      boolean more = false;
      try {
        more = work();
      } catch (RuntimeException e) {
        LOG.error("publishing goes on after an error that should not be", e);
      }
      if (stopRequested()) {
        finish();
        return;
      }
      if (!more) {
        pause();
      }
    }
  }

  private boolean stopRequested() {
    synchronized (monitor) {
      return stopping;
    }
  }

  /** A turn of everything; true when there is more to do at once. */
  private boolean work() {
    keepProducer();
    boolean more = false;
    for (Lane lane : lanes.values()) {
      more |= work(lane);
    }
    spoolBytes = lanes.values().stream().mapToLong(Lane::spoolBytes).sum();
    sendFacts();
    keepCounts();
    return more;
  }

  private boolean work(Lane lane) {
    if (lane.wantsSpool()) {
      openSpool(lane);
    }
    Deque<Event> events = lane.takeHandOff();
    if (!events.isEmpty()) {
      lane.sendDirectly(events);
      toDisk(lane, events);
    }
    boolean more = false;
    try {
      more = lane.sendFromSpool();
      lane.rememberAcknowledged();
    } catch (IOException e) {
      lane.spoolTrouble(e);
    }
    lane.turnDirect();
    return more;
  }

  private void toDisk(Lane lane, Deque<Event> events) {
    long bytes = events.stream().mapToLong(Event::memoryBytes).sum();
    while (lanes.values().stream().mapToLong(Lane::spoolBytes).sum() + bytes
        > spoolConfig.maxBytes()) {
      if (!dropOldestOfLargest()) {
        events.forEach(event -> event.dropped(DropReason.SPOOL_FULL));
        return;
      }
    }
    lane.toDisk(events);
  }

  /**
   * Often enough for a next run to go on counting, should this one be killed: the disk itself tells
   * it only what is still there.
   */
  private void keepCounts() {
    boolean moved = false;
    for (Lane lane : lanes.values()) {
      moved |= lane.takeCountsMoved();
    }
    if (moved) {
      facts.keepCounts();
    } else {
      facts.keepCountsWhenDue();
    }
  }

  private boolean dropOldestOfLargest() {
    Lane largest =
        lanes.values().stream().max(Comparator.comparingLong(Lane::spoolBytes)).orElseThrow();
    try {
      return largest.dropOldest();
    } catch (IOException e) {
      largest.spoolTrouble(e);
      return false;
    }
  }

  private void keepProducer() {
    if (outlet.resetWanted() != null) {
      LOG.warn("a new producer is needed: {}", outlet.resetWanted());
      outlet.close(Duration.ZERO);
      takeBack();
      reopenAt = System.nanoTime() + REOPEN_PAUSE_NANOS;
    }
    if (!outlet.isOpen() && System.nanoTime() - reopenAt >= 0 && !outlet.open()) {
      reopenAt = System.nanoTime() + REOPEN_PAUSE_NANOS;
    }
    sayWhetherAway();
  }

  private void sayWhetherAway() {
    long now = System.nanoTime();
    State state = state();
    if (state.connected()) {
      if (saidAway) {
        LOG.info("the broker takes events again");
      }
      saidAway = false;
      connectedAt = now;
    } else if (!saidAway && now - connectedAt > SAY_AWAY_NANOS) {
      saidAway = true;
      LOG.warn(
          "the broker is away, events wait in {}: {}",
          spoolConfig.dir(),
          String.join("; ", state.trouble()));
    }
  }

  private void takeBack() {
    lanes.values().forEach(Lane::takeBack);
    factProgress.reset();
    facts.sayAgain();
  }

  private void sendFacts() {
    while (outlet.hasRoom() && !factProgress.stalled()) {
      Facts.Fact fact = facts.next();
      if (fact == null) {
        return;
      }
      if (!send(fact)) {
        facts.putBack(fact);
        return;
      }
    }
  }

  private boolean send(Facts.Fact fact) {
    byte[] value = null;
    if (fact.value() != null) {
      AvroWriter<SpecificRecord> writer = factWriters.get(fact.topic());
      if (writer == null) {
        Schema schema = fact.value().getSchema();
        OptionalInt id =
            schemaIds.id(fact.topic(), SchemaIds.fingerprint(schema), () -> Optional.of(schema));
        if (id.isEmpty()) {
          return false;
        }
        writer = writer(id.getAsInt(), fact.value());
        factWriters.put(fact.topic(), writer);
      }
      value = writer.write(fact.value());
    }
    factProgress.sent();
    Sent sent =
        outlet.send(
            new ProducerRecord<>(
                fact.topic(),
                null,
                TimeUnit.NANOSECONDS.toMillis(fact.wallNanos()),
                fact.key().getBytes(StandardCharsets.UTF_8),
                value),
            value == null ? 0 : value.length,
            new Outlet.Settled() {
              @Override
              public void acknowledged() {
                factProgress.settled();
              }

              @Override
              public void hopeless(String reason) {
                factProgress.settled();
                LOG.error("{} is not published: {}", fact.topic(), reason);
              }
            });
    if (sent != Sent.ACCEPTED) {
      factProgress.settled();
    }
    return sent != Sent.REFUSED;
  }

  @SuppressWarnings("unchecked")
  private static AvroWriter<SpecificRecord> writer(int id, SpecificRecord value) {
    return AvroWriter.specific(id, (Class<SpecificRecord>) value.getClass());
  }

  private void pause() {
    boolean backlog =
        stopRequested()
            || lanes.values().stream().anyMatch(Lane::hasBacklog)
            || !outlet.isOpen()
            || facts.dueInNanos() <= 0;
    long millis =
        backlog
            ? BACKLOG_PAUSE_MS
            : Math.clamp(
                TimeUnit.NANOSECONDS.toMillis(facts.dueInNanos()) + 1,
                BACKLOG_PAUSE_MS,
                LONGEST_PAUSE_MS);
    waitingForRoom = backlog;
    long until = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
    synchronized (monitor) {
      try {
        for (long left = millis;
            left > 0 && !awake;
            left = TimeUnit.NANOSECONDS.toMillis(until - System.nanoTime())) {
          monitor.wait(left);
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        stopping = true;
      }
      awake = false;
    }
  }

  // ---- begin and end ----

  private void openSpools() {
    try {
      Files.createDirectories(spoolConfig.dir());
      try (var left = Files.list(spoolConfig.dir())) {
        left.filter(Files::isDirectory).forEach(dir -> lane(dir.getFileName().toString()));
      }
    } catch (IOException e) {
      LOG.error("spool {}: {}", spoolConfig.dir(), e.toString());
    }
    lanes.values().stream().filter(Lane::wantsSpool).forEach(this::openSpool);
    Map<Life, Counts.Snapshot> found = counts();
    long events = found.values().stream().mapToLong(Counts.Snapshot::spooled).sum();
    if (events > 0) {
      LOG.info("{} events of an earlier run are in the spool and go first", events);
    }
  }

  private void openSpool(Lane lane) {
    Path dir = spoolConfig.dir().resolve(lane.probe());
    try {
      Spool spool = Spool.open(dir, spoolConfig.segmentBytes(), this::countsOf);
      if (spool.unreadableBytes() > 0) {
        LOG.warn(
            "{}: {} torn bytes at the end of a segment are cut off", dir, spool.unreadableBytes());
      }
      lane.spool(spool);
    } catch (IOException e) {
      lane.spoolTrouble(e);
      LOG.error("{}: events cannot be spooled: {}", dir, e.toString());
    }
  }

  /**
   * The last turn: the broker gets what it takes in time, then the last counts, and the disk the
   * rest.
   */
  private void finish() {
    // Not by whether it is connected: an agent that has just been started is not, yet.
    while (System.nanoTime() - stopBy < -LAST_COUNTS_NANOS && !isDelivered() && !saidAway) {
      work();
      pause();
    }
    facts.stop();
    facts.lastCounts();
    sendFacts();
    while (System.nanoTime() - stopBy < 0 && !facts.isSaid() && !saidAway) {
      pause();
      keepProducer();
      sendFacts();
    }
    outlet.close(Duration.ofNanos(Math.max(0, stopBy - System.nanoTime())));
    schemaIds.stop();
    for (Lane lane : lanes.values()) {
      toDisk(lane, lane.takeHandOff());
      lane.takeBack();
      try {
        lane.closeSpool();
      } catch (IOException e) {
        LOG.error("spool of {}: {}", lane.probe(), e.toString());
      }
    }
    facts.keepLastCounts(factProgress.inFlight() == 0);
  }

  private boolean isDelivered() {
    return lanes.values().stream()
        .noneMatch(lane -> lane.hasBacklog() || lane.inFlightEvents() > 0);
  }
}
