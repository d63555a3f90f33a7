package io.bianque.agent.publish;

import java.util.EnumMap;
import java.util.Map;

/**
 * Where the encoded events of one life are. Thread-safe; every change is one step, so that at any
 * moment {@code offered = acked + spooled + dropped + inFlight}.
 */
public final class Counts {
  private long offered;
  private long acked;
  private long spooled;

  /** In flight when an earlier run ended without a word: what became of them nobody knows. */
  private long unknown;

  private boolean adopted;

  private final EnumMap<DropReason, Long> dropped = new EnumMap<>(DropReason.class);

  /**
   * Where they are at one moment.
   *
   * @param offered encoded and handed over, ever
   * @param acked acknowledged by the broker, ever
   * @param spooled on disk and not with the producer: a level
   * @param inFlight with the producer or on the way to the disk: a level
   */
  public record Snapshot(
      long offered, long acked, long spooled, long inFlight, Map<DropReason, Long> droppedBy) {
    public Snapshot {
      droppedBy = Map.copyOf(droppedBy);
    }

    /** Given up, ever. */
    public long dropped() {
      return droppedBy.values().stream().mapToLong(Long::longValue).sum();
    }
  }

  public synchronized Snapshot snapshot() {
    long gone = dropped.values().stream().mapToLong(Long::longValue).sum();
    return new Snapshot(offered, acked, spooled, offered - acked - spooled - gone, dropped);
  }

  /**
   * Takes up the counts of a life that an earlier run of the agent began; what is on disk is
   * counted anew.
   */
  synchronized void restore(long offeredEver, long ackedEver, long droppedEver) {
    offered = offeredEver;
    acked = ackedEver;
    dropped.put(DropReason.EARLIER_RUN, droppedEver);
    unknown = snapshot().inFlight();
  }

  /**
   * Takes up a life that goes on: events that were settled before this run are with the broker,
   * unless they are on disk or were given up.
   */
  synchronized void adopt(long settled) {
    adopted = true;
    offered = settled;
    acked = 0;
    acked = snapshot().inFlight();
    unknown = 0;
  }

  /** Whether none of its events is on disk or with this run's producer, so that no count moves. */
  synchronized boolean isAtRest() {
    return spooled == 0 && snapshot().inFlight() == unknown;
  }

  synchronized void offered() {
    offered++;
  }

  synchronized void acked() {
    acked++;
  }

  synchronized void spooled(long events) {
    spooled += events;
  }

  synchronized void unspooled(long events) {
    spooled -= events;
  }

  synchronized void dropped(DropReason reason, long events) {
    dropped.merge(reason, events, Long::sum);
  }

  /** The oldest on disk are given up. */
  synchronized void droppedFromSpool(DropReason reason, long events) {
    spooled -= events;
    dropped.merge(reason, events, Long::sum);
  }

  /**
   * Events of an earlier run, found on disk. If that run was killed, its saved counts are older
   * than its spool: what is on disk was offered, whatever they say.
   */
  synchronized void foundOnDisk(long events) {
    spooled += events;
    if (adopted) {
      acked -= events;
      return;
    }
    offered = Math.max(offered, acked + spooled + snapshot().dropped());
    unknown = snapshot().inFlight();
  }
}
