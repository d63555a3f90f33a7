package io.bianque.schemas.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import io.bianque.facts.ControlSelector;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HostTraitsTest {
  private static final HostTraits HOST =
      new HostTraits("host-1", Map.of("role", "db", "zone", "a"), "6.1.0-28-amd64");

  @Test
  void withNothingGivenEveryHostIsMeant() {
    assertThat(HOST.selectedBy(new ControlSelector(List.of(), Map.of(), null))).isTrue();
  }

  @Test
  void oneOfTheIdsIsEnough() {
    assertThat(HOST.selectedBy(ids("host-2", "host-1"))).isTrue();
    assertThat(HOST.selectedBy(ids("host-2"))).isFalse();
    assertThat(HOST.selectedBy(ids("host-"))).isFalse();
  }

  @Test
  void everyLabelMustBeThereWithItsValue() {
    assertThat(HOST.selectedBy(labels(Map.of("role", "db", "zone", "a")))).isTrue();
    assertThat(HOST.selectedBy(labels(Map.of("role", "db")))).isTrue();
    assertThat(HOST.selectedBy(labels(Map.of("role", "web")))).isFalse();
    assertThat(HOST.selectedBy(labels(Map.of("role", "db", "rack", "7")))).isFalse();
  }

  @Test
  void allThatIsGivenMustHold() {
    assertThat(
            HOST.selectedBy(new ControlSelector(List.of("host-1"), Map.of("role", "db"), "6.1*")))
        .isTrue();
    assertThat(
            HOST.selectedBy(new ControlSelector(List.of("host-1"), Map.of("role", "db"), "5.10*")))
        .isFalse();
    assertThat(
            HOST.selectedBy(new ControlSelector(List.of("host-2"), Map.of("role", "db"), "6.1*")))
        .isFalse();
  }

  @ParameterizedTest
  @CsvSource({
    "6.1.0-28-amd64, true",
    "6.1.*, true",
    "*, true",
    "**amd64, true",
    "6.?.0-*-amd?4, true",
    "*6*1*0*, true",
    "6.1, false",
    "6.10.*, false",
    "*-arm64, false",
    "6.1.0-28-amd64?, false",
    "6.1.0-28-amd6[4], false",
    ".*, false"
  })
  void aKernelIsMatchedAsAShellWould(String pattern, boolean matches) {
    assertThat(HOST.selectedBy(new ControlSelector(List.of(), Map.of(), pattern)))
        .isEqualTo(matches);
  }

  @Test
  void noPatternTakesForEver() {
    String pattern = "*a".repeat(50_000) + "b";
    HostTraits host = new HostTraits("host-1", Map.of(), "a".repeat(64));
    assertTimeoutPreemptively(
        Duration.ofSeconds(5),
        () ->
            assertThat(host.selectedBy(new ControlSelector(List.of(), Map.of(), pattern)))
                .isFalse());
  }

  private static ControlSelector ids(String... ids) {
    return new ControlSelector(List.of(ids), Map.of(), null);
  }

  private static ControlSelector labels(Map<String, String> labels) {
    return new ControlSelector(List.of(), labels, null);
  }
}
