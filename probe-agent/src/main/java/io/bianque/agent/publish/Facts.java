package io.bianque.agent.publish;

import io.bianque.agent.config.AgentConfig;
import io.bianque.agent.container.ContainerFollower;
import io.bianque.agent.container.ContainerWatch;
import io.bianque.agent.probe.ProbeReport;
import io.bianque.facts.Container;
import io.bianque.facts.HostFacts;
import io.bianque.facts.ProbeCounters;
import io.bianque.facts.SymbolChunk;
import io.bianque.schemas.catalogue.Topics;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.Supplier;
import org.apache.avro.specific.SpecificRecord;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the agent says by itself, when it is due: host facts, containers, symbol tables, counters,
 * outcomes. Never spooled: each is made anew when it can be sent, and so is the truth of that
 * moment; but for containers, which are looked for all the time and of which the newest waits. For
 * the publisher thread.
 */
public final class Facts {
  private static final Logger LOG = LoggerFactory.getLogger(Facts.class);

  /** Outcomes of control requests while the broker is away: of those that end meanwhile. */
  private static final int MOST_TOLD = 1000;

  /** Until a container's record is tried again; what else is due goes on meanwhile. */
  private static final long CONTAINERS_PAUSE_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final String hostId;
  private final Supplier<HostFacts> hostFacts;
  private final List<SymbolFeed> symbols;
  private final BooleanSupplier modulesChanged;
  private final ContainerFollower containers;
  private final CounterBook counters;
  private final long countersNanos;
  private final long factsNanos;

  private final Deque<Fact> ready = new ArrayDeque<>();

  /** By the key of the record; guarded by itself. */
  private final LinkedHashMap<String, ContainerWatch.Said> waiting = new LinkedHashMap<>();

  private long containersHeldUntil;
  private long countersDue;
  private long keptAt;
  private long factsDue;
  private final BlockingQueue<Fact> told = new ArrayBlockingQueue<>(MOST_TOLD);
  private Runnable wakePublisher;
  private Function<Life, Counts> countsOf;

  /** One record to publish; without a value, a tombstone. */
  record Fact(String topic, String key, long wallNanos, SpecificRecord value) {}

  /**
   * @param symbols each with a thread of its own, so that one that hangs holds up no other
   * @param modulesChanged asked as often as counters are due; makes facts due
   */
  public Facts(
      String hostId,
      Supplier<HostFacts> hostFacts,
      List<SymbolFeed> symbols,
      BooleanSupplier modulesChanged,
      ContainerWatch containers,
      CounterBook counters,
      AgentConfig.Intervals intervals) {
    this.hostId = hostId;
    this.hostFacts = hostFacts;
    this.symbols = symbols;
    this.modulesChanged = modulesChanged;
    this.containers =
        new ContainerFollower(
            containers,
            intervals.containers(),
            said -> {
              say(said);
              wakePublisher.run();
            });
    this.counters = counters;
    this.countersNanos = intervals.counters().toNanos();
    this.factsNanos = intervals.facts().toNanos();
    this.countersDue = System.nanoTime();
    this.factsDue = countersDue;
    this.containersHeldUntil = countersDue;
    this.keptAt = countersDue;
  }

  /** Takes what somebody else has to say of this host. Any thread. */
  void tell(String topic, SpecificRecord value) {
    if (!told.offer(new Fact(topic, hostId, wallNanos(), value))) {
      LOG.error(
          "{}: {} records wait for the broker, and this one is given up: {}",
          topic,
          MOST_TOLD,
          value);
    }
  }

  /** The next record to publish; null when nothing is due. */
  Fact next() {
    boolean stale = countersDue - System.nanoTime() <= 0 && takeBackCounters();
    if (stale || ready.isEmpty()) {
      gather();
    }
    return ready.pollFirst();
  }

  /** Puts one back that could not be sent. */
  void putBack(Fact fact) {
    if (fact.topic().equals(Topics.CONTAINERS)) {
      // Where nobody has made their topic or schema yet, all else must be said nevertheless.
      synchronized (waiting) {
        waiting.putIfAbsent(
            fact.key(), new ContainerWatch.Said(fact.key(), (Container) fact.value()));
      }
      containersHeldUntil = System.nanoTime() + CONTAINERS_PAUSE_NANOS;
    } else {
      ready.addFirst(fact);
    }
  }

  private void say(List<ContainerWatch.Said> said) {
    synchronized (waiting) {
      for (ContainerWatch.Said each : said) {
        waiting.remove(each.key());
        waiting.put(each.key(), each);
      }
    }
  }

  private boolean containersWait() {
    synchronized (waiting) {
      return !waiting.isEmpty();
    }
  }

  /** Counters that wait are as old as they wait; true when there were some. */
  private boolean takeBackCounters() {
    boolean waited = ready.removeIf(fact -> fact.topic().equals(Topics.COUNTERS));
    if (waited) {
      counters.notHeard();
    }
    return waited;
  }

  /** What was told is not made anew. */
  private static boolean isTold(Fact fact) {
    return fact.topic().equals(Topics.CONTROL_OUTCOMES);
  }

  /** Whether nothing waits to be sent of what was due so far. */
  boolean isSaid() {
    return ready.isEmpty();
  }

  /** How long until something is due. */
  long dueInNanos() {
    if (!ready.isEmpty() || symbols.stream().anyMatch(SymbolFeed::isReady) || !told.isEmpty()) {
      return 0;
    }
    long due = Math.min(countersDue, factsDue);
    return (containersWait() ? Math.min(due, containersHeldUntil) : due) - System.nanoTime();
  }

  /** A producer was lost with what it had: all is said again. */
  void sayAgain() {
    ready.removeIf(fact -> !isTold(fact));
    containers.sayAll();
    counters.notHeard();
    factsDue = System.nanoTime();
    countersDue = factsDue;
    symbols.forEach(SymbolFeed::again);
  }

  /** Gives the counts of earlier runs' lives what is known of them. */
  void restore(Function<Life, Counts> into) {
    countsOf = into;
    counters.restore(into);
  }

  /** The last report of a life. Any thread. */
  void ended(ProbeReport last) {
    counters.ended(last);
  }

  /**
   * Begins to gather.
   *
   * @param wake called by other threads when something became due
   */
  void start(Runnable wake) {
    this.wakePublisher = wake;
    symbols.forEach(feed -> feed.start(wake));
    containers.start();
  }

  void stop() {
    symbols.forEach(SymbolFeed::stop);
    containers.stop();
  }

  /** The last counts, due or not. */
  void lastCounts() {
    var _ = takeBackCounters();
    ready.removeIf(fact -> !isTold(fact));
    countersDue = System.nanoTime();
  }

  /**
   * Keeps the counts for the next run, which says them again if they were not heard.
   *
   * @param heard whether the broker has acknowledged all that was sent
   */
  void keepLastCounts(boolean heard) {
    if (!heard || !isSaid()) {
      counters.notHeard();
    }
    keepCounts();
  }

  /** Keeps the counts of this moment, in case that there is no other. */
  void keepCounts() {
    keptAt = System.nanoTime();
    counters.keep(countsOf);
  }

  /** The same as often as counters are published, whether they can be or not. */
  void keepCountsWhenDue() {
    if (System.nanoTime() - keptAt >= countersNanos) {
      keepCounts();
    }
  }

  private void gather() {
    long now = System.nanoTime();
    told.drainTo(ready);
    if (factsDue - now <= 0) {
      factsDue = now + factsNanos;
      HostFacts facts = hostFacts.get();
      containers.sayAll();
      ready.add(new Fact(Topics.HOSTS, hostId, wallNanos(), facts));
    }
    if (countersDue - now <= 0) {
      countersDue = now + countersNanos;
      keptAt = now;
      if (modulesChanged.getAsBoolean()) {
        factsDue = now;
        symbols.forEach(SymbolFeed::modulesChanged);
      }
      for (ProbeCounters each : counters.count(countsOf)) {
        ready.add(new Fact(Topics.COUNTERS, hostId, nanos(each.getTime()), each));
      }
    }
    if (ready.isEmpty() && containersWait() && now - containersHeldUntil >= 0) {
      ContainerWatch.Said said;
      synchronized (waiting) {
        said = waiting.pollFirstEntry().getValue();
      }
      ready.add(new Fact(Topics.CONTAINERS, said.key(), wallNanos(), said.container()));
    }
    if (ready.isEmpty()) {
      symbols.stream().map(SymbolFeed::poll).filter(Objects::nonNull).forEach(this::ready);
    }
  }

  private void ready(SymbolChunk chunk) {
    String key = chunk.getBuildId() + "/" + chunk.getObject() + "/" + chunk.getChunk();
    ready.add(new Fact(Topics.SYMBOLS, key, wallNanos(), chunk));
  }

  private static long wallNanos() {
    return nanos(Instant.now());
  }

  private static long nanos(Instant time) {
    return TimeUnit.SECONDS.toNanos(time.getEpochSecond()) + time.getNano();
  }
}
