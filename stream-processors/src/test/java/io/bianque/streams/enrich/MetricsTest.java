package io.bianque.streams.enrich;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.schemas.catalogue.Topics;
import io.bianque.streams.metrics.Prometheus;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import org.apache.kafka.streams.test.TestRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the tier counts of the events that go through it. */
class MetricsTest {
  /** The clock of the scene. */
  private static final long NOW_MS = 1_700_000_100_000L;

  @TempDir Path state;
  private Scene scene;

  @BeforeEach
  void open() {
    scene = new Scene(state);
    scene.kernelSymbols();
    scene.moduleSymbols();
  }

  @AfterEach
  void close() {
    scene.close();
  }

  private void dropAgo(Duration age) {
    scene.drop(event -> event.put("time", (NOW_MS - age.toMillis()) * 1_000_000));
  }

  private String metric(String nameAndLabels) {
    Prometheus out = new Prometheus();
    scene.metrics.write(out, NOW_MS);
    return out.toString()
        .lines()
        .filter(line -> line.startsWith("bianque_streams_" + nameAndLabels + " "))
        .map(line -> line.substring(line.lastIndexOf(' ') + 1))
        .findFirst()
        .orElse("none");
  }

  private String upTo(String bound) {
    return metric("latency_seconds_bucket{probe=\"dropwatch\",le=\"" + bound + "\"}");
  }

  private String ofProbe(String name) {
    return metric(name + "{probe=\"dropwatch\"}");
  }

  @Test
  void latencyIsFromTheKernelsTimeOfTheEvent() {
    scene.facts();
    dropAgo(Duration.ofSeconds(3));
    dropAgo(Duration.ofMillis(20));

    assertThat(upTo("0.01")).isEqualTo("0");
    assertThat(upTo("0.025")).isEqualTo("1");
    assertThat(upTo("2.5")).isEqualTo("1");
    assertThat(upTo("5")).isEqualTo("2");
    assertThat(ofProbe("latency_seconds_sum")).isEqualTo("3.02");
    assertThat(ofProbe("clock_ahead_total")).isEqualTo("0");
    assertThat(scene.metrics.recentLatencies().get("dropwatch")).containsOnlyKeys("p50", "p99");
  }

  @Test
  void whatAnEventWaitsIsPartOfIt() {
    dropAgo(Duration.ZERO);
    scene.pass(Duration.ofSeconds(20));
    scene.facts();
    scene.pass(Duration.ofSeconds(1));

    assertThat(scene.enriched()).hasSize(1);
    assertThat(upTo("10")).isEqualTo("0");
    assertThat(upTo("30")).isEqualTo("1");
  }

  @Test
  void anEventFromTheFutureIsInTheLowestBucketAndCountedAsSuch() {
    scene.facts();
    dropAgo(Duration.ofMinutes(1));
    dropAgo(Duration.ofDays(-1));

    assertThat(upTo("0.005")).isEqualTo("1");
    assertThat(ofProbe("clock_ahead_total")).isEqualTo("1");
    assertThat(ofProbe("latency_seconds_sum")).isEqualTo("60");
    assertThat(ofProbe("newest_event_age_seconds")).as("does not hide a backlog").isEqualTo("60");
  }

  @Test
  void anEventThatIsSentAgainHasNoLatency() {
    scene.facts();
    scene.sendAgain(scene.event(event -> {}), 17);
    // Of another boot, whose facts have not come: it waits before it leaves.
    scene.sendAgain(scene.event(event -> event.put("boot_id", "b007-2")), 18);
    scene.pass(Duration.ofSeconds(31));

    assertThat(scene.enriched()).hasSize(2);
    assertThat(ofProbe("enriched_total")).isEqualTo("2");
    assertThat(ofProbe("latency_seconds_count")).isEqualTo("0");
  }

  @Test
  void theFirstDeadLetterIsAnIncrease() {
    assertThat(metric("dead_letters_total{reason=\"truncated\"}")).isEqualTo("0");
    byte[] raw = scene.event(event -> {});
    scene.send(Scene.RAW, Scene.HOST, Arrays.copyOf(raw, raw.length / 2));
    assertThat(metric("dead_letters_total{reason=\"truncated\"}")).isEqualTo("1");
  }

  @Test
  void bytesInAndOutAreThoseOfTheValues() {
    scene.facts();
    byte[] raw = scene.event(event -> {});
    scene.send(Scene.RAW, Scene.HOST, raw);
    scene.send(Scene.RAW, Scene.HOST, raw);

    TestRecord<byte[], byte[]> enriched = scene.records(Topics.enriched("dropwatch")).getFirst();
    assertThat(ofProbe("duplicates_total")).isEqualTo("1");
    assertThat(ofProbe("received_total")).isEqualTo("2");
    assertThat(ofProbe("received_bytes_total")).isEqualTo(Integer.toString(2 * raw.length));
    assertThat(ofProbe("sent_bytes_total")).isEqualTo(Integer.toString(enriched.value().length));
  }

  @Test
  void ageIsThatOfTheNewestEventAndAnOlderOneLeavesItAsItIs() {
    scene.facts();
    dropAgo(Duration.ofSeconds(7));
    dropAgo(Duration.ofHours(2));

    assertThat(ofProbe("newest_event_age_seconds")).isEqualTo("7");
  }
}
