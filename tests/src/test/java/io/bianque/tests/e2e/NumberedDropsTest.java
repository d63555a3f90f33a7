package io.bianque.tests.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.agent.testing.KernelTest;
import io.bianque.agent.testing.NetnsPair;
import io.bianque.tests.drops.NumberedDrops;
import java.time.Duration;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;

/** The sources of drops are themselves tested, against the kernel's own counters. */
@KernelTest
class NumberedDropsTest {
  @Test
  void everyNumberedDatagramFindsAClosedPort() throws Exception {
    try (NetnsPair network = NetnsPair.open();
        NumberedDrops drops = new NumberedDrops(network, 500)) {
      Awaitility.await().atMost(Duration.ofSeconds(10)).until(() -> drops.sent() > 100);
      int sent = drops.stop();
      assertThat(NumberedDrops.countedByKernel(network)).isEqualTo(sent);
    }
  }

  @Test
  void aFloodIsWhatItsNameSays() throws Exception {
    try (NetnsPair network = NetnsPair.open()) {
      Flood flood = Flood.run(network, Duration.ofSeconds(2));
      System.out.printf(
          "flood: %,d drops in %s, %,d/s%n", flood.dropped(), flood.took(), flood.perSecond());
      assertThat(flood.dropped()).isPositive();
    }
  }
}
