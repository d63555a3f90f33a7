package io.bianque.agent.control;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.agent.config.AgentConfig.Control;
import io.bianque.agent.config.AgentConfig.Control.Range;
import io.bianque.facts.ControlAction;
import io.bianque.facts.ControlRequest;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class LimitsTest {
  private static final Limits LIMITS =
      new Limits(
          new Control(
              true,
              Optional.of(Set.of("dropwatch")),
              Map.of(
                  "max_events_per_second", new Range(1, 1000),
                  "watch_tcp", new Range(0, 1),
                  "oom.max_events_per_second", new Range(1, 5)),
              Duration.ofHours(1)));

  @ParameterizedTest
  @ValueSource(strings = {"1", "1000", "0x10"})
  void aValueWithinTheLimitIsTaken(String value) {
    assertThat(LIMITS.refusal(tune("max_events_per_second", value))).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "max_events_per_second, 1001, 'control.allow.tunables.max_events_per_second is 1 to 1000, asked for is 1001'",
    "max_events_per_second, 0, 'is 1 to 1000, asked for is 0'",
    "max_events_per_second, -1, 'asked for is -1'",
    "max_events_per_second, many, max_events_per_second = many is no number",
    "max_events_per_second, 99999999999999999999, is no number of 64 bits",
    "max_events_per_second, '', is no number",
    "channel_bytes, 4096, 'tunable channel_bytes is in no control.allow.tunables, which has max_events_per_second'"
  })
  void aValueBeyondItIsRefusedWithLimitAndValue(String tunable, String value, String reason) {
    assertThat(LIMITS.refusal(tune(tunable, value)).orElseThrow()).contains(reason);
  }

  @Test
  void truthIsOneAndItsContraryNought() {
    assertThat(LIMITS.refusal(tune("watch_tcp", "true"))).isEmpty();
    assertThat(LIMITS.refusal(tune("watch_tcp", "false"))).isEmpty();
  }

  @Test
  void theLimitOfOneProbeGoesBeforeThatOfAll() {
    Limits limits =
        new Limits(
            new Control(
                true,
                Optional.empty(),
                Map.of(
                    "max_events_per_second", new Range(1, 1000),
                    "dropwatch.max_events_per_second", new Range(1, 5)),
                Duration.ofHours(1)));
    assertThat(limits.refusal(tune("max_events_per_second", "6")).orElseThrow())
        .isEqualTo(
            "control.allow.tunables.dropwatch.max_events_per_second is 1 to 5, asked for is 6");
  }

  @Test
  void aProbeThatIsNotNamedIsRefused() {
    ControlRequest request = Asked.of(ControlAction.STOP, Map.of());
    request.setProbe("oom");
    assertThat(LIMITS.refusal(request).orElseThrow())
        .isEqualTo("probe oom is not in control.allow.probes, which has dropwatch");
  }

  @Test
  void aRequestThatIsToHoldTooLongIsRefused() {
    ControlRequest request = Asked.of(ControlAction.STOP, Map.of());
    request.setValidForMs(Duration.ofHours(1).plusMillis(1).toMillis());
    assertThat(LIMITS.refusal(request).orElseThrow())
        .isEqualTo("control.allow.longest is 3600 s, asked for is 3600001 ms");
    request.setValidForMs(0L);
    assertThat(LIMITS.refusal(request).orElseThrow()).contains("0 ms, which is no time");
    request.setValidForMs(Long.MIN_VALUE);
    assertThat(LIMITS.refusal(request)).isPresent();
  }

  @Test
  void goingBackToTheConfigurationIsNeverTooLong() {
    ControlRequest request = Asked.of(ControlAction.RESET, Map.of());
    request.setValidForMs(Duration.ofDays(1).toMillis());
    assertThat(LIMITS.refusal(request)).isEmpty();
  }

  @Test
  void tunablesMustGoWithTheAction() {
    assertThat(
            LIMITS.refusal(Asked.of(ControlAction.STOP, Map.of("watch_tcp", "true"))).orElseThrow())
        .contains("STOP takes no tunables");
    assertThat(LIMITS.refusal(Asked.of(ControlAction.TUNE, Map.of())).orElseThrow())
        .contains("changes nothing");
  }

  @Test
  void everyReasonIsSaidAtOnce() {
    ControlRequest request =
        Asked.of(
            ControlAction.START, Map.of("max_events_per_second", "5000", "channel_bytes", "1"));
    request.setProbe("oom");
    assertThat(LIMITS.refusal(request).orElseThrow())
        .contains("control.allow.probes", "oom.max_events_per_second is 1 to 5", "channel_bytes");
  }

  private static ControlRequest tune(String name, String value) {
    return Asked.of(ControlAction.TUNE, Map.of(name, value));
  }
}
