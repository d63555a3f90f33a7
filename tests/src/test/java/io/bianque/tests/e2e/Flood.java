package io.bianque.tests.e2e;

import io.bianque.agent.testing.NetnsPair;
import java.time.Duration;

/**
 * What a flood by all of this machine's CPUs came to.
 *
 * @param dropped by nftables' counter
 */
record Flood(long dropped, Duration took) {

  /** Floods for this long over a link of its own between the two namespaces, once in their life. */
  static Flood run(NetnsPair network, Duration length) throws InterruptedException {
    io.bianque.agent.testing.Flood flood =
        new io.bianque.agent.testing.Flood(network, Runtime.getRuntime().availableProcessors());
    long begin = System.nanoTime();
    try (flood) {
      Thread.sleep(length);
    }
    Duration took = Duration.ofNanos(System.nanoTime() - begin);
    return new Flood(flood.dropped(), took);
  }

  long perSecond() {
    return dropped * 1000 / took.toMillis();
  }
}
