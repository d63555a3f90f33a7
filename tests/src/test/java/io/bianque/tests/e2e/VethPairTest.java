package io.bianque.tests.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.time.Duration;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The source of the drops is itself tested, against the kernel's own counters. */
@Tag("kernel")
class VethPairTest {
  @Test
  void everyNumberedDatagramFindsAClosedPort() throws Exception {
    assumeTrue("root".equals(System.getProperty("user.name")), "needs root to make namespaces");
    try (VethPair network = new VethPair()) {
      long before = network.udpWithoutSocketInEast();
      NumberedDrops drops = new NumberedDrops(network, 500);
      Awaitility.await().atMost(Duration.ofSeconds(10)).until(() -> drops.sent() > 100);
      int sent = drops.stop();
      assertThat(network.udpWithoutSocketInEast() - before).isEqualTo(sent);
    }
  }

  @Test
  void aFloodIsWhatItsNameSays() throws Exception {
    assumeTrue("root".equals(System.getProperty("user.name")), "needs root to make namespaces");
    try (VethPair network = new VethPair()) {
      Flood flood = Flood.run(network, Duration.ofSeconds(2));
      System.out.printf(
          "flood: %,d drops in %s, %,d/s%n", flood.dropped(), flood.took(), flood.perSecond());
      assertThat(flood.dropped()).isPositive();
    }
  }
}
