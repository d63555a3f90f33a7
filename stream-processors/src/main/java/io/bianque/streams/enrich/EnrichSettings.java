package io.bianque.streams.enrich;

import java.time.Duration;

/**
 * How long events wait, and how many.
 *
 * @param factsWait for the facts of an event's host and boot
 * @param symbolsWait for a table of symbols
 * @param containersWait for what an event's cgroup is
 * @param namesWait for DNS
 * @param absentFor how long after such a wait was in vain no event waits for the same facts or
 *     table again
 * @param waitingEvents per task at most; one more makes the oldest leave, marked
 * @param keepState how long windows, counts and facts of what is not heard of any more are kept:
 *     longer than raw topics are
 * @param maxRecordBytes largest record that the output topics take
 */
public record EnrichSettings(
    Duration factsWait,
    Duration symbolsWait,
    Duration containersWait,
    Duration namesWait,
    Duration absentFor,
    int waitingEvents,
    Duration keepState,
    int maxRecordBytes) {
  public static EnrichSettings defaults() {
    return new EnrichSettings(
        Duration.ofSeconds(30),
        Duration.ofSeconds(30),
        Duration.ofSeconds(5),
        Duration.ofMillis(250),
        Duration.ofMinutes(5),
        10_000,
        Duration.ofDays(8),
        1_000_000);
  }
}
