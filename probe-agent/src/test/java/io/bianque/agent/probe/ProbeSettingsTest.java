package io.bianque.agent.probe;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ProbeSettingsTest {
  private final ProbeSettings settings = ProbeSettings.of(Path.of("probes"));

  /** Every probe has a ring: on a large host they are not to be what the agent's memory goes to. */
  @ParameterizedTest
  @CsvSource({"1, 256", "2, 256", "3, 512", "8, 1024", "16, 2048", "17, 2048", "512, 2048"})
  void ringBufferHasRoomForManyCpusUpToALimit(int cpus, int kibibytes) {
    assertThat(settings.ringBufferBytes(cpus)).isEqualTo(kibibytes << 10);
  }

  @Test
  void perfRingsAreOneACpuAndHaveRoomForOne() {
    assertThat(settings.perfRingBytes()).isEqualTo(128 << 10);
  }
}
