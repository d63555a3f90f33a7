package io.bianque.streams.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Map;
import org.junit.jupiter.api.Test;

class LatencyTest {
  private final Latency latency = new Latency();

  private String text() {
    Prometheus out = new Prometheus();
    out.histogram("x_seconds", "X.", "probe", Map.of("oom", latency.snapshot()));
    return out.toString();
  }

  @Test
  void bucketsHoldWhatIsAtTheirBoundOrBelow() {
    latency.record(0);
    latency.record(5);
    latency.record(6);
    latency.record(3_600_000);
    latency.record(3_600_001);

    assertThat(text().lines().toList())
        .startsWith(
            "# HELP x_seconds X.",
            "# TYPE x_seconds histogram",
            "x_seconds_bucket{probe=\"oom\",le=\"0.005\"} 2",
            "x_seconds_bucket{probe=\"oom\",le=\"0.01\"} 3")
        .endsWith(
            "x_seconds_bucket{probe=\"oom\",le=\"900\"} 3",
            "x_seconds_bucket{probe=\"oom\",le=\"3600\"} 4",
            "x_seconds_bucket{probe=\"oom\",le=\"+Inf\"} 5",
            "x_seconds_sum{probe=\"oom\"} 7200.012",
            "x_seconds_count{probe=\"oom\"} 5");
  }

  @Test
  void quantilesAreAsExactAsTheBuckets() {
    for (int ms = 1; ms <= 1_000; ms++) {
      latency.record(ms);
    }
    assertThat(latency.recentQuantileMs(0.5).orElseThrow()).isCloseTo(500, within(1.0));
    assertThat(latency.recentQuantileMs(0.99).orElseThrow()).isCloseTo(990, within(1.0));
    assertThat(latency.recentQuantileMs(0.001).orElseThrow()).isCloseTo(1, within(0.1));
  }

  @Test
  void whatIsAboveAllBoundsIsTheHighestOfThem() {
    latency.record(Long.MAX_VALUE);
    assertThat(latency.recentQuantileMs(0.5)).hasValue(3_600_000);
  }

  @Test
  void quantilesForgetWhatWasMinutesAgo() {
    latency.record(60_000);
    for (int minute = 0; minute < 4; minute++) {
      latency.minuteHasPassed();
      assertThat(latency.recentQuantileMs(0.5).orElseThrow()).isGreaterThan(30_000);
    }
    latency.minuteHasPassed();
    assertThat(latency.recentQuantileMs(0.5)).isEmpty();
    latency.record(4);
    assertThat(latency.recentQuantileMs(0.99).orElseThrow()).isLessThanOrEqualTo(5);
    assertThat(text()).contains("x_seconds_count{probe=\"oom\"} 2");
  }
}
