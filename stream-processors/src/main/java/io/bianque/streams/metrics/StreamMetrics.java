package io.bianque.streams.metrics;

import io.bianque.schemas.wire.UnreadableRecord;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Function;

/**
 * Counts since the process started. Thread-safe. They count work done, which a failed transaction
 * does again; the ledger is what counts events.
 */
public final class StreamMetrics {
  private static final Map<String, Double> RECENT = Map.of("p50", 0.5, "p99", 0.99);

  /** Reasons for dead letters, beside those of records that cannot be read. */
  public static final String NOT_AN_EVENT = "not-an-event";

  public static final String TOO_LARGE = "too-large";

  private final Map<String, ProbeMetrics> probes = new ConcurrentHashMap<>();
  private final Map<String, LongAdder> ignored = new ConcurrentHashMap<>();
  private final Map<String, LongAdder> routed = new ConcurrentHashMap<>();
  private final Map<String, LongAdder> deadLetters = new ConcurrentHashMap<>();
  private final Map<String, Integer> waiting = new ConcurrentHashMap<>();
  private final Map<String, LongAdder> names = new ConcurrentHashMap<>();
  private final Map<String, LongAdder> symbolsAsked = new ConcurrentHashMap<>();
  private final LongAdder hostIdsShared = new LongAdder();

  public StreamMetrics() {
    // A counter that appears with its first count shows no increase: none would be noticed.
    for (String reason : List.of(NOT_AN_EVENT, TOO_LARGE)) {
      deadLetters.put(reason, new LongAdder());
    }
    for (UnreadableRecord.Reason reason : UnreadableRecord.Reason.values()) {
      deadLetters.put(reason.word(), new LongAdder());
    }
  }

  /** What is counted of a probe's events: to be kept. */
  public ProbeMetrics probe(String probe) {
    return probes.computeIfAbsent(probe, p -> new ProbeMetrics());
  }

  public void ignored(String rule) {
    count(ignored, rule, 1);
  }

  /** A copy of an enriched event has left for the topic of a route. */
  public void routed(String route) {
    count(routed, route, 1);
  }

  public void deadLettered(String reason) {
    count(deadLetters, reason, 1);
  }

  /** A host is asked for a table of symbols: of {@code vmlinux}, or of a module. */
  public void symbolsAsked(String object) {
    count(symbolsAsked, object, 1);
  }

  /** A boot told of itself after another one with the same host id had. */
  public void hostIdShared() {
    hostIdsShared.increment();
  }

  /** An event begins a record of an address' name. */
  public void nameRecorded() {
    count(names, "recorded", 1);
  }

  /** A record of a name was left out. */
  public void nameUnreadable() {
    count(names, "unreadable", 1);
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

  /** Writes all of it, as of now. */
  public void write(Prometheus out, long nowMs) {
    byProbe(out, "received_total", "Events read.", p -> p.received);
    byProbe(out, "received_bytes_total", "Bytes of their values.", p -> p.receivedBytes);
    byProbe(out, "enriched_total", "Events sent to the enriched topic.", p -> p.enriched);
    byProbe(out, "incomplete_total", "Enriched events that lack something.", p -> p.incomplete);
    byProbe(
        out,
        "sent_bytes_total",
        "Bytes of the values that are sent: enriched, ignored and routed ones.",
        p -> p.sentBytes);
    byProbe(out, "duplicates_total", "Events left out, seen before.", p -> p.duplicates);
    byProbe(out, "holes_total", "Sequence numbers that never came: lost events.", p -> p.holes);
    byProbe(
        out,
        "clock_ahead_total",
        "Enriched events from the future: their host's clock is ahead.",
        p -> p.clockAhead);
    out.counter(
        "bianque_streams_ignored_total", "Events that a rule took out.", "rule", sums(ignored));
    out.counter(
        "bianque_streams_routed_total",
        "Copies of enriched events that rules routed.",
        "route",
        sums(routed));
    out.counter(
        "bianque_streams_dead_letters_total",
        "Records that could not be read.",
        "reason",
        sums(deadLetters));
    out.counter(
        "bianque_streams_symbols_asked_total",
        "Tables of symbols that hosts were asked for.",
        "object",
        sums(symbolsAsked));
    out.counter(
        "bianque_streams_name_records_total",
        "Records of addresses' names: made, or left out because they cannot be read.",
        "outcome",
        sums(names));
    out.counter(
        "bianque_streams_host_id_shared_total",
        "Times that a host told of itself whose id another host has, too.",
        hostIdsShared.sum());
    out.gauge("bianque_streams_waiting", "Records in the waiting rooms.", waiting());
    Map<String, Latency.Snapshot> latencies = new TreeMap<>();
    Map<String, Double> ages = new TreeMap<>();
    probes.forEach((name, probe) -> {
      latencies.put(name, probe.latency.snapshot());
      long newestMs = probe.newestMs.get();
      if (newestMs > 0) {
        ages.put(name, (nowMs - newestMs) / 1_000.0);
      }
    });
    out.histogram(
        "bianque_streams_latency_seconds",
        "From the kernel's time of an event until it was enriched.",
        "probe",
        latencies);
    out.gauge(
        "bianque_streams_newest_event_age_seconds",
        "Since the newest event that has been enriched or ignored.",
        "probe",
        ages);
  }

  private void byProbe(
      Prometheus out, String name, String help, Function<ProbeMetrics, LongAdder> count) {
    Map<String, Long> values = new TreeMap<>();
    probes.forEach((probe, counts) -> values.put(probe, count.apply(counts).sum()));
    out.counter("bianque_streams_" + name, help, "probe", values);
  }

  /** To be called once a minute. */
  public void minuteHasPassed() {
    probes.values().forEach(probe -> probe.latency.minuteHasPassed());
  }

  /**
   * How long events of each probe took in the last minutes, in seconds, by quantile: {@code p50},
   * {@code p99}. Of a probe without events there is nothing.
   */
  public Map<String, Map<String, Double>> recentLatencies() {
    Map<String, Map<String, Double>> recent = new TreeMap<>();
    probes.forEach((name, probe) ->
        RECENT.forEach((quantile, q) ->
            probe
                .latency
                .recentQuantileMs(q)
                .ifPresent(ms ->
                    recent
                        .computeIfAbsent(name, n -> new TreeMap<>())
                        .put(quantile, Math.round(ms) / 1_000.0))));
    return recent;
  }

  private static Map<String, Long> sums(Map<String, LongAdder> counts) {
    Map<String, Long> sums = new TreeMap<>();
    counts.forEach((label, count) -> sums.put(label, count.sum()));
    return sums;
  }
}
