package io.bianque.streams.metrics;

import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;

/**
 * Counts since the process started. Thread-safe. They count work done, which a failed transaction
 * does again; the ledger is what counts events.
 */
public final class StreamMetrics {
  /** Upper bounds of the latency histogram's buckets, in ms. */
  private static final long[] BUCKETS_MS = {
    10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000
  };

  private final Map<String, LongAdder> received = new ConcurrentHashMap<>();
  private final Map<String, LongAdder> enriched = new ConcurrentHashMap<>();
  private final Map<String, LongAdder> ignored = new ConcurrentHashMap<>();
  private final Map<String, LongAdder> deadLetters = new ConcurrentHashMap<>();
  private final Map<String, LongAdder> duplicates = new ConcurrentHashMap<>();
  private final Map<String, LongAdder> holes = new ConcurrentHashMap<>();
  private final Map<String, LongAdder> incomplete = new ConcurrentHashMap<>();
  private final Map<String, Integer> waiting = new ConcurrentHashMap<>();
  private final LongAdder[] latency = new LongAdder[BUCKETS_MS.length + 1];
  private final LongAdder latencySumMs = new LongAdder();
  private final Map<String, LongAdder> symbolsAsked = new ConcurrentHashMap<>();

  public StreamMetrics() {
    for (int i = 0; i < latency.length; i++) {
      latency[i] = new LongAdder();
    }
  }

  public void received(String probe) {
    count(received, probe, 1);
  }

  /**
   * An event has left for the enriched topic.
   *
   * @param complete whether nothing is missing in it
   * @param latencyMs since the kernel saw it
   */
  public void enriched(String probe, boolean complete, long latencyMs) {
    count(enriched, probe, 1);
    if (!complete) {
      count(incomplete, probe, 1);
    }
    int bucket = 0;
    while (bucket < BUCKETS_MS.length && latencyMs > BUCKETS_MS[bucket]) {
      bucket++;
    }
    latency[bucket].increment();
    latencySumMs.add(Math.max(0, latencyMs));
  }

  public void ignored(String rule) {
    count(ignored, rule, 1);
  }

  public void deadLettered(String reason) {
    count(deadLetters, reason, 1);
  }

  /** A host is asked for a table of symbols: of {@code vmlinux}, or of a module. */
  public void symbolsAsked(String object) {
    count(symbolsAsked, object, 1);
  }

  public void duplicate(String probe) {
    count(duplicates, probe, 1);
  }

  public void holes(String probe, long number) {
    count(holes, probe, number);
  }

  /** Records that wait in a task now. */
  public void waiting(String task, int number) {
    waiting.put(task, number);
  }

  /** The task has gone elsewhere. */
  public void taskClosed(String task) {
    waiting.remove(task);
  }

  /** Records that wait now, in all tasks. */
  public int waiting() {
    return waiting.values().stream().mapToInt(Integer::intValue).sum();
  }

  private static void count(Map<String, LongAdder> counts, String label, long number) {
    LongAdder count = counts.get(label);
    if (count == null) {
      count = counts.computeIfAbsent(label, l -> new LongAdder());
    }
    count.add(number);
  }

  /** Writes all of it. */
  public void write(Prometheus out) {
    out.counter(
        "bianque_streams_received_total",
        "Events read and not yet judged.",
        "probe",
        sums(received));
    out.counter(
        "bianque_streams_enriched_total",
        "Events sent to the enriched topic.",
        "probe",
        sums(enriched));
    out.counter(
        "bianque_streams_incomplete_total",
        "Enriched events that lack something.",
        "probe",
        sums(incomplete));
    out.counter(
        "bianque_streams_ignored_total", "Events that a rule took out.", "rule", sums(ignored));
    out.counter(
        "bianque_streams_dead_letters_total",
        "Records that could not be read.",
        "reason",
        sums(deadLetters));
    out.counter(
        "bianque_streams_duplicates_total",
        "Events left out, seen before.",
        "probe",
        sums(duplicates));
    out.counter(
        "bianque_streams_holes_total",
        "Sequence numbers that never came: lost events.",
        "probe",
        sums(holes));
    out.counter(
        "bianque_streams_symbols_asked_total",
        "Tables of symbols that hosts were asked for.",
        "object",
        sums(symbolsAsked));
    out.gauge("bianque_streams_waiting", "Records in the waiting rooms.", waiting());
    long[] counts = new long[latency.length];
    for (int i = 0; i < counts.length; i++) {
      counts[i] = latency[i].sum();
    }
    out.histogram(
        "bianque_streams_latency_seconds",
        "From the kernel's time of an event until it was enriched.",
        BUCKETS_MS,
        counts,
        latencySumMs.sum());
  }

  private static Map<String, Long> sums(Map<String, LongAdder> counts) {
    Map<String, Long> sums = new TreeMap<>();
    counts.forEach((label, count) -> sums.put(label, count.sum()));
    return sums;
  }
}
