package io.bianque.streams.enrich;

import io.bianque.facts.Container;
import io.bianque.facts.HostFacts;
import io.bianque.facts.ProbeCounters;
import io.bianque.facts.ResolvedName;
import io.bianque.schemas.catalogue.Topics;
import io.bianque.schemas.raw.InvalidSchema;
import io.bianque.schemas.wire.AvroReader;
import io.bianque.schemas.wire.AvroWriter;
import io.bianque.schemas.wire.EncodedTexts;
import io.bianque.schemas.wire.Retry;
import io.bianque.schemas.wire.UnreadableRecord;
import io.bianque.schemas.wire.WireFormat;
import io.bianque.streams.cache.LruMap;
import io.bianque.streams.container.ContainerStore;
import io.bianque.streams.dns.DnsNames;
import io.bianque.streams.dns.NameHistory;
import io.bianque.streams.dns.NameSource;
import io.bianque.streams.dns.Names;
import io.bianque.streams.dns.RecordedNames;
import io.bianque.streams.dns.ReverseNames;
import io.bianque.streams.facts.Host;
import io.bianque.streams.facts.HostFactsStore;
import io.bianque.streams.ledger.EpochKey;
import io.bianque.streams.ledger.Ledger;
import io.bianque.streams.metrics.ProbeMetrics;
import io.bianque.streams.metrics.StreamMetrics;
import io.bianque.streams.part.Shared;
import io.bianque.streams.rule.Outcome;
import io.bianque.streams.rule.Rules;
import io.bianque.streams.schema.SchemaPending;
import io.bianque.streams.sequence.ReplayWindow;
import io.bianque.streams.symbol.SymbolStore;
import io.bianque.streams.symbol.Symbolizer;
import io.bianque.streams.waiting.Arrival;
import io.bianque.streams.waiting.Arrival.Admission;
import io.bianque.streams.waiting.WaitingRoom;
import io.bianque.streams.waiting.WaitingRoom.Next;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Function;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.api.RecordMetadata;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One task: raw events, host facts, containers and counters of the hosts in one partition. For one
 * thread.
 *
 * <p>Every record it takes leaves in exactly one way: enriched, ignored, dead-lettered, left out as
 * a duplicate; or it waits, in a store. Nothing here waits for another process.
 */
final class EnrichProcessor implements Processor<byte[], byte[], byte[], Output> {
  private static final Logger LOG = LoggerFactory.getLogger(EnrichProcessor.class);
  private static final String RAW_PREFIX = Topics.raw("");

  private static final Duration REPORT = Duration.ofSeconds(10);
  private static final Duration CLEAN = Duration.ofHours(1);

  /** Records that leave the waiting room at one go at most: a fraction of a second's work. */
  private static final int AT_ONCE = 1_000;

  /** Records that leave it before each that would queue behind them. */
  private static final int BEFORE_EACH = 4;

  /** Ways to be incomplete that are remembered. */
  private static final int LACKS = 100;

  /** Events of one probe and raw schema. */
  private record Kind(String topic, int schemaId) {}

  /** What is done with them, and what is needed to write and to count them. */
  private record Plan(
      String probe,
      EnrichPlan plan,
      AvroWriter<GenericRecord> writer,
      String enrichedTopic,
      String ignoredTopic,
      ProbeMetrics metrics) {}

  private final Shared shared;
  private final EnrichTopology.Needs needs;
  private final EnrichSettings settings;
  private final Map<Kind, Plan> plans = new HashMap<>();
  private final Patience patience;

  /** Said within the hour. */
  private final Set<String> sharedIds = new HashSet<>();

  private final SymbolCandidates candidates = new SymbolCandidates();

  /** What events lack: mostly nothing, and all the same while something is away. */
  private final Map<List<String>, EncodedTexts> missing = new LruMap<>(LACKS);

  private ProcessorContext<byte[], Output> context;
  private String task;
  private AvroReader<GenericRecord> events;
  private AvroReader<HostFacts> factsReader;
  private AvroReader<Container> containersReader;
  private AvroReader<ProbeCounters> countersReader;
  private KeyValueStore<String, byte[]> windows;
  private Origin.Recent origins;
  private WaitingRoom room;
  private HostFactsStore hosts;
  private ContainerStore containers;
  private Ledger ledger;
  private Outbox outbox;
  private Symbolizer symbolizer;
  private Names names;

  EnrichProcessor(Shared shared, EnrichTopology.Needs needs) {
    this.shared = shared;
    this.needs = needs;
    this.settings = needs.settings();
    this.patience = new Patience(settings);
  }

  @Override
  public void init(ProcessorContext<byte[], Output> context) {
    this.context = context;
    this.task = context.taskId().toString();
    this.events = AvroReader.lazy(shared.schemas());
    this.factsReader = AvroReader.specific(shared.schemas(), HostFacts.class);
    this.containersReader = AvroReader.specific(shared.schemas(), Container.class);
    this.countersReader = AvroReader.specific(shared.schemas(), ProbeCounters.class);
    this.outbox = new Outbox(context, shared);
    this.windows = context.getStateStore(EnrichTopology.WINDOWS);
    this.origins = new Origin.Recent(windows);
    this.room = new WaitingRoom(context.getStateStore(EnrichTopology.WAITING));
    this.hosts = new HostFactsStore(context.getStateStore(EnrichTopology.FACTS), factsReader::read);
    this.containers =
        new ContainerStore(
            context.getStateStore(EnrichTopology.CONTAINERS), containersReader::read);
    this.ledger = new Ledger(context.getStateStore(EnrichTopology.LEDGER), countersReader::read);
    this.symbolizer = new Symbolizer(shared.tables(), context.getStateStore(SymbolStore.NAME));
    this.names = names(needs.names());
    context.schedule(WaitingRoom.REST, PunctuationType.WALL_CLOCK_TIME, this::lookAgain);
    context.schedule(REPORT, PunctuationType.WALL_CLOCK_TIME, this::report);
    context.schedule(CLEAN, PunctuationType.WALL_CLOCK_TIME, this::clean);
    shared.metrics().waiting(task, room.size());
  }

  private Names names(NameSource source) {
    Function<byte[], ResolvedName> reader =
        AvroReader.specific(shared.schemas(), ResolvedName.class)::read;
    int partition = context.taskId().partition();
    return switch (source) {
      case NameSource.Dns(var lookup) ->
          new DnsNames(
              lookup,
              context.getStateStore(EnrichTopology.NAMES),
              reader,
              AvroWriter.specific(shared.schemaId(Topics.NAMES), ResolvedName.class)::write,
              outbox::name,
              partition);
      case NameSource.Recorded() ->
          new RecordedNames(
              new NameHistory(
                  context.<KeyValueStore<String, byte[]>>getStateStore(
                      EnrichTopology.RECORDED_NAMES),
                  reader,
                  shared.metrics()::nameUnreadable),
              partition);
      case NameSource.None() -> (time, now) -> address -> new ReverseNames.Answer.Nameless();
    };
  }

  @Override
  public void close() {
    shared.metrics().taskClosed(task);
  }

  @Override
  public void process(Record<byte[], byte[]> record) {
    RecordMetadata from = context.recordMetadata().orElseThrow();
    long now = context.currentSystemTimeMs();
    OptionalLong first = firstOffset(record.headers());
    Arrival arrival =
        new Arrival(
            from.topic(),
            from.partition(),
            first.orElse(from.offset()),
            // Facts have no time here: EnrichTopology puts them before all else.
            record.timestamp() == 0 ? now : record.timestamp(),
            record.key(),
            record.value(),
            now,
            first.isPresent() ? Admission.AGAIN : Admission.NEW);
    if (room.size() > 0) {
      room.visitLaneOf(arrival, BEFORE_EACH, now, (queued, must) -> look(queued, now, must, true));
      shared.metrics().waiting(task, room.size());
    }
    Next next =
        room.holdsUpAdmission(arrival)
            ? Next.STAYS
            : look(arrival, now, false, !room.holdsUp(arrival));
    switch (next) {
      case GONE -> {}
      case STAYS -> wait(arrival, now);
      case STAYS_ADMITTED -> wait(arrival.asAdmitted(), now);
    }
    ledger.flush();
  }

  /** Of a record that was a dead letter. */
  private static OptionalLong firstOffset(Headers headers) {
    Header header = headers.lastHeader(Retry.OFFSET_HEADER);
    if (header == null || header.value() == null) {
      return OptionalLong.empty();
    }
    try {
      return OptionalLong.of(Long.parseLong(new String(header.value(), StandardCharsets.UTF_8)));
    } catch (NumberFormatException notOurs) {
      return OptionalLong.empty();
    }
  }

  private void wait(Arrival arrival, long now) {
    room.add(arrival);
    while (room.size() > settings.waitingEvents()) {
      if (!room.pushOut((oldest, must) -> look(oldest, now, must, true))) {
        // It cannot leave at all, for want of a schema: nothing more must come until it can.
        needs.pause().run();
        break;
      }
    }
    shared.metrics().waiting(task, room.size());
  }

  private void lookAgain(long now) {
    if (room.size() == 0) {
      return;
    }
    room.visit(AT_ONCE, now, (arrival, must) -> look(arrival, now, must, true));
    ledger.flush();
    shared.metrics().waiting(task, room.size());
  }

  /**
   * Looks at a record, for the first time or again.
   *
   * @param must it has to leave if it can at all
   * @param first nothing is before it in its lane: it may leave
   */
  private Next look(Arrival arrival, long now, boolean must, boolean first) {
    try {
      return switch (arrival.topic()) {
        case Topics.HOSTS -> facts(arrival);
        case Topics.CONTAINERS -> container(arrival);
        case Topics.COUNTERS -> counters(arrival, now);
        default -> event(arrival, now, must, first);
      };
    } catch (SchemaPending pending) {
      return Next.STAYS;
    } catch (UnreadableRecord e) {
      return deadLetter(arrival, now, e.reason().word(), e.detail());
    } catch (EnrichPlan.NotAnEvent | InvalidSchema e) {
      return deadLetter(arrival, now, StreamMetrics.NOT_AN_EVENT, e.getMessage());
    }
  }

  private Next facts(Arrival arrival) {
    if (arrival.value() != null) { // a tombstone: the host is gone, and its facts go with time
      HostFacts facts = factsReader.read(arrival.value());
      if (hosts.put(facts, arrival.value())) {
        sharedId(facts);
      }
    }
    return Next.GONE;
  }

  private void sharedId(HostFacts facts) {
    shared.metrics().hostIdShared();
    if (sharedIds.add(facts.getHostId())) {
      LOG.warn(
          "Two hosts have the id {}, one of them is {} in boot {}: their events are told apart by"
              + " their boots, and their control and facts are not. Give one another id",
          facts.getHostId(),
          facts.getHostName(),
          facts.getBootId());
    }
  }

  private Next container(Arrival arrival) {
    if (arrival.value() != null) { // a tombstone: events of its life may still come
      containers.put(containersReader.read(arrival.value()), arrival.value());
    }
    return Next.GONE;
  }

  private Next counters(Arrival arrival, long now) {
    outbox.ledgerRow(ledger.counted(countersReader.read(arrival.value()), arrival.value(), now));
    return Next.GONE;
  }

  private Next event(Arrival arrival, long now, boolean must, boolean first) {
    GenericRecord raw = events.read(arrival.value());
    Plan plan = plan(new Kind(arrival.topic(), WireFormat.schemaId(arrival.value())));
    EventHeader header = plan.plan().header(raw);
    Origin origin = origins.of(header, plan.probe());
    EpochKey epoch = origin.epoch();
    // All that may have to be tried again comes before the event is admitted: admitted twice, it
    // would be its own duplicate.
    Optional<Host> host = hosts.find(origin.hostKey(), header.timeNanos());
    Surroundings.Cgroups cgroups =
        Surroundings.Cgroups.once((meaning, id) ->
            containers.find(epoch.hostId(), epoch.bootId(), meaning, id, header.timeNanos()));
    plan.plan().findCgroups(raw, cgroups);
    Names.OfEvent names = this.names.ofEvent(header.timeNanos(), now);
    plan.plan().askNames(raw, names);
    boolean admitted =
        switch (arrival.admission()) {
          case ADMITTED, ADMITTED_AGAIN -> true;
          case NEW -> {
            received(epoch, plan, arrival, now);
            yield admit(header, origin, plan, now);
          }
          case AGAIN -> {
            received(epoch, plan, arrival, now);
            yield true;
          }
        };
    if (!admitted) {
      return Next.GONE;
    }
    Gaps gaps = new Gaps();
    Surroundings around =
        new Surroundings(host, symbolizer, cgroups, names, needs.networks(), gaps);
    Next stays = arrival.admitted() ? Next.STAYS : Next.STAYS_ADMITTED;
    if (!first) {
      return stays;
    }
    String eventId = arrival.topic() + "-" + arrival.partition() + "-" + arrival.offset();
    // Once: other rules may come at any moment, and the event says which decided it.
    Rules rules = needs.rules().get();
    GenericRecord enriched = plan.plan().enrich(raw, eventId, rules.version(), around);
    if (around.host().isEmpty()) {
      gaps.awaits(
          Gaps.Kind.HOST_FACTS,
          header.hostId() + "/" + header.bootId(),
          "host facts: none of boot " + header.bootId() + " have come");
    }
    gaps.tables()
        .forEach(
            table -> candidates.propose(table, header.hostId(), now).ifPresent(outbox::candidate));
    if (!must && patience.waits(gaps, arrival.arrivedMs(), now)) {
      return stays;
    }
    plan.plan().lacks(enriched, missing.computeIfAbsent(gaps.texts(), EncodedTexts::new));
    names.leaves();
    return leave(arrival, now, plan, header, epoch, rules, enriched);
  }

  /** Whether the event is new. */
  private boolean admit(EventHeader header, Origin origin, Plan plan, long now) {
    EpochKey epoch = origin.epoch();
    ReplayWindow window = origin.window();
    return switch (window.offer(header.sequence(), now)) {
      case ReplayWindow.Verdict.New(ReplayWindow after) -> {
        origin.moveTo(after);
        if (after.holes() > window.holes()) {
          ledger.holes(epoch, after.holes() - window.holes(), now);
          plan.metrics().holes(after.holes() - window.holes());
        }
        yield true;
      }
      case ReplayWindow.Verdict.Duplicate() -> {
        ledger.duplicate(epoch, now);
        plan.metrics().duplicate();
        yield false;
      }
    };
  }

  private void received(EpochKey epoch, Plan plan, Arrival arrival, long now) {
    ledger.received(epoch, now);
    plan.metrics().received(arrival.value().length);
  }

  private Next leave(
      Arrival arrival,
      long now,
      Plan plan,
      EventHeader header,
      EpochKey epoch,
      Rules rules,
      GenericRecord enriched) {
    String probe = plan.probe();
    Outcome outcome = rules.decide(probe, plan.plan().eventId(enriched), enriched);
    if (outcome instanceof Outcome.Passes passes) {
      plan.plan().tag(enriched, passes);
    }
    byte[] value = plan.writer().write(enriched);
    if (value.length > settings.maxRecordBytes()) {
      ledger.deadLettered(epoch, now);
      outbox.deadLetter(arrival, StreamMetrics.TOO_LARGE, value.length + " bytes when enriched");
      return Next.GONE;
    }
    byte[] key =
        arrival.key() == null ? header.hostId().getBytes(StandardCharsets.UTF_8) : arrival.key();
    long timestampMs = arrival.timestampMs();
    Headers headers = new RecordHeaders();
    long eventMs = header.timeNanos() / 1_000_000;
    plan.metrics().left(eventMs, now);
    plan.metrics().sent(value.length);
    switch (outcome) {
      case Outcome.Ignored(String rule) -> {
        headers.add(Topics.RULE_HEADER, rule.getBytes(StandardCharsets.UTF_8));
        outbox.event(plan.ignoredTopic(), key, value, timestampMs, headers);
        ledger.ignored(epoch, rule, now);
        shared.metrics().ignored(rule);
      }
      case Outcome.Passes passes -> {
        outbox.event(plan.enrichedTopic(), key, value, timestampMs, headers);
        ledger.enriched(epoch, now);
        plan.metrics().enriched(plan.plan().isComplete(enriched));
        if (!arrival.again()) {
          plan.metrics().latency(now - eventMs);
        }
        for (String route : passes.routes()) {
          outbox.event(Topics.routed(route), key, value, timestampMs, new RecordHeaders());
          plan.metrics().sent(value.length);
          shared.metrics().routed(route);
        }
      }
    }
    return Next.GONE;
  }

  private Plan plan(Kind kind) {
    Plan plan = plans.get(kind);
    if (plan == null) {
      Schema raw = shared.schemas().schema(kind.schemaId());
      EnrichPlan compiled = EnrichPlan.compile(raw);
      String probe = kind.topic().substring(RAW_PREFIX.length());
      String topic = Topics.enriched(probe);
      int id = shared.schemas().id(Topics.subject(topic), compiled.enriched());
      plan =
          new Plan(
              probe,
              compiled,
              AvroWriter.generic(id, compiled.enriched()),
              topic,
              Topics.ignored(probe),
              shared.metrics().probe(probe));
      plans.put(kind, plan);
    }
    return plan;
  }

  /**
   * A record that cannot be read goes at once, whatever waits in its lane: it has no place in an
   * order of events.
   */
  private Next deadLetter(Arrival arrival, long now, String reason, String detail) {
    if (arrival.key() != null && arrival.topic().startsWith(RAW_PREFIX)) {
      ledger.unreadable(
          new String(arrival.key(), StandardCharsets.UTF_8),
          arrival.topic().substring(RAW_PREFIX.length()),
          now);
    }
    outbox.deadLetter(arrival, reason, detail);
    return Next.GONE;
  }

  private void report(long now) {
    try {
      ledger.rows().forEach(outbox::ledgerRow);
    } catch (SchemaPending pending) {
      LOG.debug("Ledger rows wait: {}", pending.getMessage());
    }
  }

  private void clean(long now) {
    long before = now - settings.keepState().toMillis();
    List<String> old = new ArrayList<>();
    try (KeyValueIterator<String, byte[]> all = windows.all()) {
      while (all.hasNext()) {
        KeyValue<String, byte[]> entry = all.next();
        if (ReplayWindow.fromBytes(entry.value).touchedMs() < before) {
          old.add(entry.key);
        }
      }
    }
    old.forEach(windows::delete);
    origins.clear();
    sharedIds.clear();
    ledger.forgetBefore(before);
    names.forget(before * 1_000_000);
    try {
      hosts.forget(settings.keepState(), Instant.ofEpochMilli(now));
      containers.forget(settings.keepState(), Instant.ofEpochMilli(now));
    } catch (SchemaPending pending) {
      LOG.debug("Old facts stay for another while: {}", pending.getMessage());
    }
  }
}
