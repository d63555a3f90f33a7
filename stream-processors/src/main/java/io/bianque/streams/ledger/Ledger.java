package io.bianque.streams.ledger;

import io.bianque.facts.Gap;
import io.bianque.facts.LedgerRow;
import io.bianque.facts.ProbeCounters;
import io.bianque.facts.ProbeState;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * Counts of every epoch whose host lies in this task's partition. For one thread, the task's.
 * Counting changes memory only; {@link #flush} writes what changed to the store and belongs behind
 * each record.
 */
public final class Ledger {
  private final KeyValueStore<String, byte[]> store;
  private final Function<byte[], ProbeCounters> reader;
  private final Map<EpochKey, EpochCounts> loaded = new HashMap<>();
  private final Set<EpochCounts> changed = new LinkedHashSet<>();
  private final Set<EpochKey> unreported = new LinkedHashSet<>();

  /**
   * More epochs than a partition has hosts and probes at a time; beyond it they are read from the
   * store again.
   */
  private static final int LOADED = 2_000;

  /**
   * @param reader reads the counters that {@link #counted} was given
   */
  public Ledger(KeyValueStore<String, byte[]> store, Function<byte[], ProbeCounters> reader) {
    this.store = store;
    this.reader = reader;
    try (KeyValueIterator<String, byte[]> all = store.all()) {
      while (all.hasNext()) {
        KeyValue<String, byte[]> entry = all.next();
        if (!isLatest(entry.key)) {
          EpochCounts counts = EpochCounts.fromBytes(entry.value);
          if (counts.unreported) {
            unreported.add(counts.key);
          }
        }
      }
    }
  }

  private static boolean isLatest(String storeKey) {
    return storeKey.startsWith("latest|");
  }

  public void received(EpochKey epoch, long nowMs) {
    change(epoch, nowMs).received++;
  }

  public void enriched(EpochKey epoch, long nowMs) {
    change(epoch, nowMs).enriched++;
  }

  public void ignored(EpochKey epoch, String rule, long nowMs) {
    change(epoch, nowMs).addIgnored(rule);
  }

  public void duplicate(EpochKey epoch, long nowMs) {
    change(epoch, nowMs).duplicates++;
  }

  public void deadLettered(EpochKey epoch, long nowMs) {
    change(epoch, nowMs).deadLettered++;
  }

  public void holes(EpochKey epoch, long count, long nowMs) {
    change(epoch, nowMs).holes += count;
  }

  /**
   * A record that could not be read came from that host. It says no epoch, so it is counted to the
   * latest that is known; of a host and probe that nothing is known of it cannot be counted here.
   */
  public void unreadable(String hostId, String probe, long nowMs) {
    latest(hostId, probe)
        .ifPresent(epoch -> {
          received(epoch, nowMs);
          deadLettered(epoch, nowMs);
        });
  }

  private EpochCounts change(EpochKey epoch, long nowMs) {
    EpochCounts counts = loaded.get(epoch);
    if (counts == null) {
      counts = load(epoch);
    }
    counts.touchedMs = nowMs;
    counts.unreported = true;
    changed.add(counts);
    return counts;
  }

  private EpochCounts load(EpochKey epoch) {
    byte[] stored = store.get(epoch.storeKey());
    EpochCounts counts = stored == null ? new EpochCounts(epoch) : EpochCounts.fromBytes(stored);
    if (stored == null) {
      begin(counts);
    }
    if (loaded.size() >= LOADED) {
      flush();
      loaded.clear();
    }
    loaded.put(epoch, counts);
    return counts;
  }

  /**
   * The first that is heard of an epoch: whatever was the host's and probe's latest has ended, well
   * or not.
   */
  private void begin(EpochCounts counts) {
    EpochKey epoch = counts.key;
    Optional<EpochKey> before = latest(epoch.hostId(), epoch.probe());
    if (before.isEmpty() || before.get().epoch() < epoch.epoch()) {
      // First, because reading the previous epoch's counters may have to be tried again later.
      before.ifPresent(previous -> counts.gap(gap(previous, epoch)));
      store.put(
          EpochKey.latestKey(epoch.hostId(), epoch.probe()), new EpochCounts(epoch).toBytes());
    }
  }

  private Optional<EpochKey> latest(String hostId, String probe) {
    byte[] stored = store.get(EpochKey.latestKey(hostId, probe));
    return stored == null ? Optional.empty() : Optional.of(EpochCounts.fromBytes(stored).key);
  }

  /**
   * What is not known between two epochs. Null when the agent counted a last time when it stopped
   * the probe. Without any count of the previous epoch, it is unknown from its begin.
   */
  private Gap gap(EpochKey previous, EpochKey epoch) {
    EpochCounts counts = loaded.get(previous);
    if (counts == null) {
      byte[] stored = store.get(previous.storeKey());
      counts = stored == null ? new EpochCounts(previous) : EpochCounts.fromBytes(stored);
    }
    Instant from = instant(previous.epoch());
    if (counts.counters() != null) {
      ProbeCounters last = reader.apply(counts.counters());
      if (last.getState() == ProbeState.STOPPED) {
        return null;
      }
      from = last.getTime();
    }
    return new Gap(previous.epoch(), from, instant(epoch.epoch()));
  }

  private static Instant instant(long nanos) {
    return Instant.ofEpochSecond(
        Math.floorDiv(nanos, 1_000_000_000L), Math.floorMod(nanos, 1_000_000_000L));
  }

  /**
   * The agent counted.
   *
   * @param bytes the same counters in the wire format
   */
  public LedgerRow counted(ProbeCounters counters, byte[] bytes, long nowMs) {
    EpochCounts counts =
        change(
            new EpochKey(
                counters.getHostId(),
                counters.getBootId(),
                counters.getEpoch(),
                counters.getProbe()),
            nowMs);
    if (counts.counters() == null
        || !reader.apply(counts.counters()).getTime().isAfter(counters.getTime())) {
      counts.counters(bytes);
    }
    return report(counts);
  }

  /** Rows of what has changed since their last row, where the agent's counters are known. */
  public List<LedgerRow> rows() {
    flush();
    List<LedgerRow> rows = new ArrayList<>();
    for (EpochKey epoch : List.copyOf(unreported)) {
      byte[] stored = store.get(epoch.storeKey());
      EpochCounts counts =
          loaded.getOrDefault(epoch, stored == null ? null : EpochCounts.fromBytes(stored));
      if (counts != null && counts.counters() != null) {
        rows.add(report(counts));
        changed.add(counts);
      }
    }
    flush();
    return rows;
  }

  private LedgerRow report(EpochCounts counts) {
    counts.unreported = false;
    unreported.remove(counts.key);
    ProbeCounters agent = reader.apply(counts.counters());
    return LedgerRow.newBuilder()
        .setHostId(counts.key.hostId())
        .setBootId(counts.key.bootId())
        .setEpoch(counts.key.epoch())
        .setProbe(counts.key.probe())
        .setTime(agent.getTime())
        .setAttempted(agent.getAttempted())
        .setRateLimited(agent.getRateLimited())
        .setRingFull(agent.getRingFull())
        .setMissed(agent.getMissed())
        .setEncodeFailed(agent.getEncodeFailed())
        .setSpoolDropped(agent.getSpoolDropped())
        .setInFlight(
            agent.getSubmitted() - agent.getRead() + agent.getSpooled() + agent.getInFlight())
        .setAcked(agent.getAcked())
        .setReceived(counts.received)
        .setEnriched(counts.enriched)
        .setIgnored(Map.copyOf(counts.ignored()))
        .setDeadLettered(counts.deadLettered)
        .setDuplicates(counts.duplicates)
        .setWaiting(counts.waiting())
        .setUnaccounted(agent.getAcked() - counts.received)
        .setGap(counts.gap())
        .build();
  }

  /** Writes what changed to the store. */
  public void flush() {
    for (EpochCounts counts : changed) {
      store.put(counts.storeKey, counts.toBytes());
      if (counts.unreported) {
        unreported.add(counts.key);
      }
    }
    changed.clear();
  }

  /** Forgets epochs that nothing was heard of since then, but the latest of each host and probe. */
  public void forgetBefore(long touchedMs) {
    flush();
    List<EpochKey> old = new ArrayList<>();
    Set<EpochKey> latest = new LinkedHashSet<>();
    try (KeyValueIterator<String, byte[]> all = store.all()) {
      while (all.hasNext()) {
        KeyValue<String, byte[]> entry = all.next();
        EpochCounts counts = EpochCounts.fromBytes(entry.value);
        if (isLatest(entry.key)) {
          latest.add(counts.key);
        } else if (counts.touchedMs < touchedMs) {
          old.add(counts.key);
        }
      }
    }
    old.removeAll(latest);
    for (EpochKey epoch : old) {
      store.delete(epoch.storeKey());
      loaded.remove(epoch);
      unreported.remove(epoch);
    }
  }
}
